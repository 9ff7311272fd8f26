import { DomainError } from '#kernel';

/** The Redis behind REDIS_URL may throw jobs away when its memory fills: refused at boot. */
export class EvictingRedisError extends DomainError {
  constructor(found: string) {
    super(
      'unavailable',
      'EvictingRedis',
      `the Redis of REDIS_URL may lose jobs: its maxmemory-policy is ${found}; set "maxmemory-policy noeviction" and start again`,
    );
  }
}

/** The queue's store cannot be reached. */
export class QueueUnavailableError extends DomainError {
  constructor(detail: string, options: { cause: unknown }) {
    super('unavailable', 'QueueUnavailable', detail, options);
  }
}

/** The process is put together wrongly: it must not start. */
export class HandlerMismatchError extends Error {
  override name = 'HandlerMismatchError';
}
