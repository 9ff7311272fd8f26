import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { PollingLoop } from '#queue';
import { LOGGER, type Logger } from '#telemetry';
import { DueWebhooksRepository } from '../infra/due-webhooks.repository.js';
import { WEBHOOK_TOPIC } from './topics.js';

/** Webhooks of one tenant that are served at once: its slow receivers take no more places than these. */
const AT_ONCE_PER_TENANT = 4;
const POLL_MS = 200;

/**
 * Looks for webhooks that have something to be told of and asks for their jobs. It looks at how far each has come and not at
 * what has just happened, so that nothing is missed, whoever was down when it happened. Any number of workers may look.
 */
@Injectable()
export class WebhookDispatcher implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly loop: PollingLoop;

  constructor(due: DueWebhooksRepository, @Inject(LOGGER) logger: Logger) {
    this.loop = new PollingLoop(
      async () => {
        await due.ask(WEBHOOK_TOPIC, AT_ONCE_PER_TENANT);
        return POLL_MS;
      },
      (err) => logger.warn({ err }, 'webhooks that are due cannot be found; it is tried again'),
    );
  }

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.loop.stop();
  }
}
