import {
  type Job as BullJob,
  createPostgresBackend,
  createRedisBackend,
  type JobsOptions,
  Queue,
  type QueueOptions,
  Worker,
  type WorkerOptions,
} from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import { EvictingRedisError, QueueUnavailableError } from './queue.errors.js';

/** What a job carries: which thing, never what to do with it. */
export interface HintData {
  key: string;
}

export type HintQueue = Queue<HintData, void>;
export type HintWorker = Worker<HintData, void>;
export type HintJob = BullJob<HintData, void>;

/** What a worker may be given, apart from where its queue is. */
export type HintWorkerOptions = Omit<WorkerOptions, 'connection'>;

export interface BackendOptions {
  /** The system role's login. */
  databaseUrl: string;
  /** When set, the queue is in Redis. */
  redisUrl?: string;
  /** How many topics have a worker in this process: each keeps one connection waiting for jobs. */
  workers: number;
  /** Lets several deployments share one Redis. */
  redisPrefix?: string;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** Adding, locking and finishing jobs share these connections. */
const SHARED_CONNECTIONS = 4;
/** BullMQ's queue and worker of a topic, each with what they keep beside themselves. */
const LISTENERS_OF_A_WORKER = 8;
const JOB_DEFAULTS: JobsOptions = {
  attempts: 6,
  backoff: { type: 'exponential', delay: 200, jitter: 0.5 },
  // A finished job is forgotten at once: one that is kept would swallow the next hint with its id.
  removeOnComplete: true,
  removeOnFail: true,
};

/** Where the queues live. What differs between PostgreSQL and Redis is in its two implementations and nowhere else. */
export abstract class QueueBackend {
  abstract readonly kind: 'postgres' | 'redis';
  abstract queue(name: string): HintQueue;
  abstract worker(name: string, process: (job: HintJob) => Promise<void>, options: HintWorkerOptions): HintWorker;
  /** Rejects when the queue cannot be used now. */
  abstract check(): Promise<void>;
  /** To be called after every queue and worker was closed. */
  abstract close(): Promise<void>;
}

/** @throws QueueUnavailableError, EvictingRedisError */
export async function openBackend(options: BackendOptions, onError: (error: Error) => void): Promise<QueueBackend> {
  const backend = options.redisUrl
    ? new RedisBackend(options.redisUrl, options.redisPrefix ?? '{freehold}', onError)
    : new PostgresBackend(options, onError);
  try {
    await backend.check();
    if (backend instanceof RedisBackend) await backend.refuseEviction();
    return backend;
  } catch (error) {
    await backend.close();
    throw error;
  }
}

class PostgresBackend extends QueueBackend {
  readonly kind = 'postgres';
  private readonly pool: pg.Pool;

  constructor({ databaseUrl, workers }: BackendOptions, onError: (error: Error) => void) {
    super();
    this.pool = new pg.Pool({
      connectionString: databaseUrl,
      application_name: 'freehold-queue',
      options: '-c search_path=bullmq',
      max: workers + SHARED_CONNECTIONS,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
    });
    // Every queue and every worker listens to the one pool: a listener for each of them is no leak.
    this.pool.setMaxListeners(LISTENERS_OF_A_WORKER * (workers + 1));
    this.pool.on('error', onError);
    // BullMQ adds a listener for each queue and worker, more than Node.js takes to be a leak.
    this.pool.setMaxListeners(0);
  }

  queue(name: string): HintQueue {
    const options: QueueOptions = { connection: this.pool, defaultJobOptions: JOB_DEFAULTS };
    return new Queue(name, options, createPostgresBackend as never);
  }

  worker(name: string, process: (job: HintJob) => Promise<void>, options: HintWorkerOptions): HintWorker {
    return new Worker(name, process, { ...options, connection: this.pool }, createPostgresBackend as never);
  }

  async check(): Promise<void> {
    try {
      await this.pool.query('SELECT max(version) FROM migration');
    } catch (cause) {
      throw new QueueUnavailableError('the queue in PostgreSQL cannot be reached, or its schema was not migrated', {
        cause,
      });
    }
  }

  close(): Promise<void> {
    return this.pool.end();
  }
}

class RedisBackend extends QueueBackend {
  readonly kind = 'redis';
  /** Adds jobs: fails at once while Redis is away, so that the relay notices and the outbox keeps the row. */
  private readonly producer: Redis;
  /** Takes jobs: waits for Redis to come back, as long as it takes. */
  private readonly consumer: Redis;

  constructor(
    url: string,
    private readonly prefix: string,
    onError: (error: Error) => void,
  ) {
    super();
    const shared = {
      connectTimeout: CONNECT_TIMEOUT_MS,
      retryStrategy: (times: number) => Math.min(times * 100, 2_000),
    };
    this.producer = new Redis(url, { ...shared, maxRetriesPerRequest: 1, commandTimeout: CONNECT_TIMEOUT_MS });
    this.consumer = new Redis(url, { ...shared, maxRetriesPerRequest: null });
    this.producer.on('error', onError);
    this.consumer.on('error', onError);
  }

  queue(name: string): HintQueue {
    const options = { connection: this.producer, prefix: this.prefix, defaultJobOptions: JOB_DEFAULTS };
    return new Queue(name, options, createRedisBackend as never);
  }

  worker(name: string, process: (job: HintJob) => Promise<void>, options: HintWorkerOptions): HintWorker {
    return new Worker(
      name,
      process,
      { ...options, connection: this.consumer, prefix: this.prefix },
      createRedisBackend as never,
    );
  }

  async check(): Promise<void> {
    try {
      await this.producer.ping();
    } catch (cause) {
      throw new QueueUnavailableError('the Redis of REDIS_URL cannot be reached', { cause });
    }
  }

  /** @throws EvictingRedisError */
  async refuseEviction(): Promise<void> {
    // INFO also answers where a hosted Redis forbids CONFIG.
    const memory = await this.producer.info('memory');
    const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1];
    if (policy !== 'noeviction') throw new EvictingRedisError(policy ?? 'unknown');
  }

  async close(): Promise<void> {
    this.producer.disconnect();
    this.consumer.disconnect();
  }
}
