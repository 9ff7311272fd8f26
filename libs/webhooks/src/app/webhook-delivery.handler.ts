import { Injectable } from '@nestjs/common';
import { type Job, JobHandler, type JobProcessor } from '#queue';
import { DeliverWebhookService } from './deliver-webhook.service.js';
import { WEBHOOK_TOPIC } from './topics.js';

/** Most of a delivery is waiting for its receiver: many go on at once, of one tenant only a few (see WebhookDispatcher). */
@Injectable()
@JobHandler(WEBHOOK_TOPIC, { concurrency: 32 })
export class WebhookDeliveryHandler implements JobProcessor {
  constructor(private readonly service: DeliverWebhookService) {}

  process({ key, signal }: Job): Promise<void> {
    return this.service.execute(key, signal);
  }
}
