import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Outbox, SystemUnitOfWork, type Tx } from '#database';
import { VPC_TOPIC, VpcIntentQuery } from '#network';
import { PollingLoop } from '#queue';
import { LOGGER, type Logger } from '#telemetry';

const PAGE = 500;

export abstract class RescanOptions {
  /** Between two looks at all VPCs, in milliseconds. */
  abstract readonly rescanMs: number;
}

/**
 * Looks for VPCs whose data plane is behind and for which no hint is on its way, and writes one. So a hint that was lost in
 * whatever way costs latency and never a change.
 */
@Injectable()
export class VpcRescan implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly loop: PollingLoop;

  constructor(
    private readonly uow: SystemUnitOfWork,
    private readonly outbox: Outbox,
    private readonly intents: VpcIntentQuery,
    options: RescanOptions,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.loop = new PollingLoop(
      async (signal) => {
        await this.rescan(signal);
        // Several workers should not all look at the same moment.
        return options.rescanMs * (0.5 + Math.random());
      },
      (err) => logger.warn({ err }, 'VPCs could not be looked through; it is tried again'),
    );
  }

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.loop.stop();
  }

  /** Returns how many hints were written. */
  async rescan(signal?: AbortSignal): Promise<number> {
    let written = 0;
    for (let after: string | undefined; !signal?.aborted; ) {
      const page = await this.uow.run(async (tx) => {
        const ids = await this.intents.unrealized(tx, { limit: PAGE, after });
        const lost = await this.withoutHint(tx, ids);
        for (const key of lost) this.outbox.add(tx, { topic: VPC_TOPIC, key });
        return { last: ids.at(-1), full: ids.length === PAGE, lost: lost.length };
      });
      written += page.lost;
      if (!page.full) break;
      after = page.last;
    }
    return written;
  }

  private async withoutHint(tx: Tx, ids: string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    const rows = await tx.query<{ id: string }>(
      `SELECT vpc.id FROM unnest($1::text[]) AS vpc (id)
        WHERE NOT EXISTS (SELECT 1 FROM outbox hint WHERE hint.topic = $2 AND hint.key = vpc.id)`,
      [ids, VPC_TOPIC],
    );
    return rows.map(({ id }) => id);
  }
}
