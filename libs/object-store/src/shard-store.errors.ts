import { DomainError } from '#kernel';

/** The store has no room left. Nothing of what was being written can be seen. */
export class StorageFullError extends DomainError {
  constructor(store: string, options: { cause: unknown }) {
    super('storage-full', 'StorageFull', `the store of ${store} is full; nothing was stored`, options);
  }
}

/**
 * The store cannot be reached: its folder is missing, is another node's, or its disk does not answer. Says nothing about
 * any shard: offline is not lost.
 */
export class StoreOfflineError extends DomainError {
  constructor(store: string, why: string, options?: { cause: unknown }) {
    super('unavailable', 'StoreOffline', `the store of ${store} is offline: ${why}`, options);
  }
}

/** The store is there and does not hold this shard. */
export class ShardNotFoundError extends DomainError {
  constructor(store: string, name: string) {
    super('not-found', 'ShardNotFound', `${store} holds no shard ${name}`);
  }
}

/** The store holds other bytes under this name, or cannot read them: as good as lost, and to be repaired. */
export class ShardCorruptError extends DomainError {
  constructor(store: string, name: string, why: string, options?: { cause: unknown }) {
    super('unavailable', 'ShardCorrupt', `shard ${name} on ${store} is corrupt: ${why}`, options);
  }
}
