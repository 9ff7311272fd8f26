import type { Database } from '#database';
import { jobId } from './job-id.js';
import { PollingLoop } from './polling-loop.js';
import { QueueUnavailableError } from './queue.errors.js';
import type { HintQueue } from './queue-backend.js';

export interface RelayOptions {
  /** A row whose effect is not there after so long is offered again. */
  reofferMs: number;
  /** Between two looks while rows come, and at most while none come. */
  busyMs: number;
  idleMs: number;
  /** Rows offered at once. */
  batch: number;
}

export const RELAY_DEFAULTS: RelayOptions = { reofferMs: 5_000, busyMs: 50, idleMs: 250, batch: 500 };

/** Adding many at once makes temporary tables in PostgreSQL, which does not pay for a few. */
const BULK_FROM = 8;

interface OfferedRow {
  id: string;
  topic: string;
  key: string;
}

/**
 * Offers outbox rows to the queue, again and again until the transaction of their effect has deleted them. Any number of
 * relays may run: each row is offered by one at a time. Rows of topics that this process does not know (a newer version
 * wrote them) are left to those that do.
 */
export class OutboxRelay {
  private readonly loop: PollingLoop;
  private delayMs: number;
  private failure: unknown;

  constructor(
    private readonly database: Pick<Database, 'query'>,
    private readonly queues: ReadonlyMap<string, HintQueue>,
    private readonly options: RelayOptions,
    onError: (error: unknown) => void,
  ) {
    this.delayMs = options.busyMs;
    this.loop = new PollingLoop(
      () => this.round(),
      (error) => {
        this.failure = error;
        onError(error);
      },
    );
  }

  /** @throws QueueUnavailableError while rows cannot be offered */
  async check(): Promise<void> {
    if (this.failure === undefined) return;
    throw new QueueUnavailableError('changes cannot be offered to the queue', { cause: this.failure });
  }

  start(): void {
    this.loop.start();
  }

  stop(): Promise<void> {
    return this.loop.stop();
  }

  /** Offers one batch and gives the number of rows in it. */
  async offer(): Promise<number> {
    const rows = await this.take();
    const keysOf = new Map<string, Set<string>>();
    for (const { topic, key } of rows) {
      const keys = keysOf.get(topic) ?? new Set();
      keysOf.set(topic, keys.add(key));
    }
    try {
      await Promise.all([...keysOf].map(([topic, keys]) => this.add(topic, [...keys])));
    } catch (error) {
      await this.giveBack(rows);
      throw error;
    }
    return rows.length;
  }

  private async round(): Promise<number> {
    const offered = await this.offer();
    this.failure = undefined;
    if (offered === this.options.batch) return 0;
    this.delayMs = offered > 0 ? this.options.busyMs : Math.min(this.delayMs * 2, this.options.idleMs);
    return this.delayMs;
  }

  private take(): Promise<OfferedRow[]> {
    return this.database.query<OfferedRow>(
      `WITH due AS (
         SELECT id FROM outbox
          WHERE topic = ANY ($1) AND (offered_at IS NULL OR offered_at < now() - $2 * interval '1 millisecond')
          ORDER BY offered_at NULLS FIRST, id
          LIMIT $3
          FOR UPDATE SKIP LOCKED
       ), offered AS (
         UPDATE outbox SET offered_at = now() FROM due WHERE outbox.id = due.id RETURNING outbox.id, topic, key
       )
       SELECT id::text, topic, key FROM offered`,
      [[...this.queues.keys()], this.options.reofferMs, this.options.batch],
    );
  }

  /** A job with the id of one that waits or runs is not added: that one will see what this one would have. */
  private async add(topic: string, keys: string[]): Promise<void> {
    const queue = this.queues.get(topic);
    if (!queue) throw new Error(`no queue for the topic ${topic}`);
    const jobs = keys.map((key) => ({ name: topic, data: { key }, opts: { jobId: jobId(topic, key) } }));
    if (jobs.length >= BULK_FROM) await queue.addBulk(jobs);
    else await Promise.all(jobs.map(({ name, data, opts }) => queue.add(name, data, opts)));
  }

  /** Nothing was added: the rows are due at once when the queue is back. Should this fail too, they are due a while later. */
  private async giveBack(rows: OfferedRow[]): Promise<void> {
    await this.database
      .query('UPDATE outbox SET offered_at = NULL WHERE id = ANY ($1::bigint[])', [rows.map((row) => row.id)])
      .catch(() => undefined);
  }
}
