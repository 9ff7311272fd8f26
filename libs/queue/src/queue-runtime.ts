import type { Database } from '#database';
import type { HealthRegistry, Logger, Metrics } from '#telemetry';
import { JobRunner, type RunningHandler } from './job-runner.js';
import { OutboxRelay, RELAY_DEFAULTS, type RelayOptions } from './outbox-relay.js';
import { HandlerMismatchError } from './queue.errors.js';
import { type HintQueue, type HintWorker, openBackend, type QueueBackend } from './queue-backend.js';

export interface QueueOptions {
  /** The system role's login. */
  databaseUrl: string;
  /** When set, jobs are in Redis. The outbox always is in PostgreSQL. */
  redisUrl?: string;
  /** Every topic that this process takes care of: each must have exactly one handler. */
  topics: readonly string[];
  relay?: Partial<RelayOptions>;
  /** A job whose worker gave no sign of life for so long is given to another. */
  lockMs?: number;
  /** How often is looked for such jobs. */
  stalledCheckMs?: number;
  /** How long jobs may go on when the process is to end; then their signal aborts. */
  closeTimeoutMs?: number;
}

export interface QueueSurroundings {
  database: Pick<Database, 'query'>;
  logger: Logger;
  metrics: Metrics;
  health: HealthRegistry;
}

const TOPIC = /^[a-z][a-z0-9-]{0,62}$/;
const LOCK_MS = 15_000;
const STALLED_CHECK_MS = 5_000;
const CLOSE_TIMEOUT_MS = 10_000;
/** A stalled job is given to another worker as often as this before it waits for the relay's next offer. */
const MOST_STALLS = 10;
const ERROR_LOG_INTERVAL_MS = 5_000;

/** The queues, workers and relay of one process, from start to stop. */
export class QueueRuntime {
  private backend: QueueBackend | undefined;
  private relay: OutboxRelay | undefined;
  private readonly queues = new Map<string, HintQueue>();
  private readonly workers: HintWorker[] = [];
  private readonly closing = new AbortController();
  private readonly deadline = new AbortController();
  private lastErrorLogged = 0;

  constructor(
    private readonly options: QueueOptions,
    private readonly around: QueueSurroundings,
  ) {
    this.registerGauges();
  }

  /** @throws HandlerMismatchError, QueueUnavailableError, EvictingRedisError */
  async start(handlers: readonly RunningHandler[]): Promise<void> {
    const { options, around } = this;
    assertHandlers(options.topics, handlers);
    const onError = (error: unknown): void => this.logError(error);
    this.backend = await openBackend({ ...options, workers: handlers.length }, onError);
    const runner = new JobRunner(around.database, around.logger, around.metrics, {
      closing: this.closing.signal,
      deadline: this.deadline.signal,
    });
    for (const handler of handlers) {
      const queue = this.backend.queue(queueName(handler.topic));
      queue.on('error', onError);
      this.queues.set(handler.topic, queue);
      this.workers.push(this.startWorker(this.backend, handler, runner));
    }
    await Promise.all([...this.queues.values(), ...this.workers].map((part) => part.waitUntilReady()));
    this.relay = new OutboxRelay(around.database, this.queues, { ...RELAY_DEFAULTS, ...options.relay }, onError);
    this.relay.start();
    around.health.register('queue', async () => this.backend?.check());
    around.health.register('outbox-relay', async () => this.relay?.check());
    around.logger.info({ backend: this.backend.kind, topics: options.topics }, 'the queue is open');
  }

  /** Takes no more jobs, lets those under way end, and closes. Idempotent. */
  async stop(): Promise<void> {
    const { backend } = this;
    if (!backend) return;
    this.backend = undefined;
    this.closing.abort();
    await this.relay?.stop();
    const closed = Promise.all(this.workers.map((worker) => worker.close()));
    const inTime = await settlesWithin(closed, this.options.closeTimeoutMs ?? CLOSE_TIMEOUT_MS);
    if (!inTime) {
      this.around.logger.warn('jobs did not end in time; they will be run again');
      this.deadline.abort();
      for (const worker of this.workers) await worker.close(true);
    }
    for (const queue of this.queues.values()) await queue.close();
    await backend.close();
  }

  private startWorker(backend: QueueBackend, handler: RunningHandler, runner: JobRunner): HintWorker {
    const { topic, concurrency } = handler;
    const worker = backend.worker(queueName(topic), (job) => runner.run(handler, job), {
      concurrency,
      lockDuration: this.options.lockMs ?? LOCK_MS,
      stalledInterval: this.options.stalledCheckMs ?? STALLED_CHECK_MS,
      maxStalledCount: MOST_STALLS,
      runRetryDelay: 1_000,
    });
    worker.on('error', (error) => this.logError(error));
    worker.on('stalled', (id) =>
      this.around.logger.warn({ topic, job: id }, 'a worker let go of a job; it runs again'),
    );
    return worker;
  }

  /** A store that is away makes every connection complain over and over: one line in a while is enough. */
  private logError(error: unknown): void {
    const now = Date.now();
    if (now - this.lastErrorLogged < ERROR_LOG_INTERVAL_MS) return;
    this.lastErrorLogged = now;
    this.around.logger.warn({ err: error }, 'the queue is disturbed; it goes on by itself');
  }

  private registerGauges(): void {
    const { database, metrics } = this.around;
    const { topics } = this.options;
    metrics.gauge({
      name: 'outbox_oldest_seconds',
      help: 'Age of the oldest change whose effect is not there yet.',
      labelNames: ['topic'],
      async collect() {
        const age = await oldestPending(database, topics).catch(() => null);
        // No figure is better than an old one while the database is away.
        if (age === null) this.reset();
        else for (const topic of topics) this.set({ topic }, age.get(topic) ?? 0);
      },
    });
  }
}

async function oldestPending(
  database: Pick<Database, 'query'>,
  topics: readonly string[],
): Promise<Map<string, number>> {
  const rows = await database.query<{ topic: string; seconds: number }>(
    `SELECT topic, extract(epoch FROM clock_timestamp() - min(created_at))::float8 AS seconds
       FROM outbox WHERE topic = ANY ($1) GROUP BY topic`,
    [[...topics]],
  );
  return new Map(rows.map((row) => [row.topic, row.seconds]));
}

function queueName(topic: string): string {
  return `freehold-${topic}`;
}

function assertHandlers(topics: readonly string[], handlers: readonly RunningHandler[]): void {
  const faults = topics.filter((topic) => !TOPIC.test(topic)).map((topic) => `"${topic}" is not a topic's name`);
  for (const topic of topics) {
    const count = handlers.filter((handler) => handler.topic === topic).length;
    if (count === 0) faults.push(`the topic ${topic} has no handler: add a provider with @JobHandler('${topic}')`);
    if (count > 1) faults.push(`the topic ${topic} has ${count} handlers: keep one`);
  }
  for (const { topic } of handlers) {
    if (!topics.includes(topic)) faults.push(`there is a handler for ${topic}, which is no topic of this process`);
  }
  if (faults.length > 0) throw new HandlerMismatchError(faults.join('; '));
}

async function settlesWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
