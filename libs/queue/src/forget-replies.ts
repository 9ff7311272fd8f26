import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Database } from '#database';
import { LOGGER, type Logger } from '#telemetry';
import { PollingLoop } from './polling-loop.js';

const KEPT_HOURS = 24;
const BATCH = 5_000;
const EVERY_MS = 10 * 60_000;

/**
 * Forgets replies to requests with an Idempotency-Key after a day: that long a caller may ask for its first answer again. The
 * nonces of signed requests are in the same rows; by then their signatures are long too old to be taken.
 */
@Injectable()
export class ForgetReplies implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly loop: PollingLoop;

  constructor(
    private readonly database: Database,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.loop = new PollingLoop(
      async () => ((await this.sweep()) === BATCH ? 0 : EVERY_MS * (0.5 + Math.random())),
      (err) => logger.warn({ err }, 'old replies could not be removed; it is tried again'),
    );
  }

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.loop.stop();
  }

  /** Removes one batch and returns how many rows it had. */
  async sweep(): Promise<number> {
    const [row] = await this.database.query<{ n: number }>(
      `WITH old AS (
         SELECT tenant_id, scope, key FROM idempotency_record
          WHERE created_at < now() - make_interval(hours => $1) ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED
       ), gone AS (
         DELETE FROM idempotency_record r USING old WHERE (r.tenant_id, r.scope, r.key) = (old.tenant_id, old.scope, old.key)
         RETURNING 1
       )
       SELECT count(*)::int AS n FROM gone`,
      [KEPT_HOURS, BATCH],
    );
    return row?.n ?? 0;
  }
}
