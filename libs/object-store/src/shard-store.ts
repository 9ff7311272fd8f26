import { InvalidInputError } from '#kernel';

declare const brand: unique symbol;

/** The SHA-256 of a shard's bytes, 64 lowercase hex digits. The same bytes have the same name on every store. */
export type ShardName = string & { readonly [brand]: 'ShardName' };

const SHARD_NAME = /^[0-9a-f]{64}$/;

export function isShardName(text: unknown): text is ShardName {
  return typeof text === 'string' && SHARD_NAME.test(text);
}

/** @throws InvalidInputError for anything but 64 lowercase hex digits: no name can leave the store's folder. */
export function parseShardName(text: unknown): ShardName {
  if (isShardName(text)) return text;
  throw new InvalidInputError([
    {
      pointer: '',
      rule: 'shard-name.sha256',
      message: 'not the name of a shard',
      fix: 'use the SHA-256 of its bytes as 64 lowercase hex digits',
    },
  ]);
}

export interface StoredShard {
  name: ShardName;
  /** In bytes. */
  size: number;
}

/** A shard's bytes, whole or as they come. */
export type ShardContent = Uint8Array | AsyncIterable<Uint8Array>;

/**
 * Where one storage node keeps its shards of ciphertext. Names are hashes of the content, so that writing is idempotent, a
 * shard can be checked by itself, and directories and S3 behave alike.
 * Every method may throw StoreOfflineError; the caller must not take it for the shard's absence.
 */
export abstract class ShardStore {
  /**
   * Durably stores a shard and gives its name; it can be seen under it whole or not at all. Storing what is there already
   * writes it anew, which mends a corrupt copy. @throws StorageFullError
   */
  abstract put(content: ShardContent): Promise<StoredShard>;

  /** The whole shard, checked against its name. @throws ShardNotFoundError, ShardCorruptError */
  abstract get(name: ShardName): Promise<Uint8Array>;

  /**
   * Exactly `length` bytes from `offset`, unchecked: an audit checks them against the shard's Merkle root.
   * @param into where the bytes go; by default a new buffer
   * @throws ShardNotFoundError; ShardCorruptError when the shard ends earlier; RangeError when `into` has another length
   */
  abstract getRange(name: ShardName, offset: number, length: number, into?: Uint8Array): Promise<Uint8Array>;

  /** What is known of a shard without reading it, or null when the store does not hold it. */
  abstract head(name: ShardName): Promise<StoredShard | null>;

  /** True when the shard was there. */
  abstract delete(name: ShardName): Promise<boolean>;

  /** All shards in the order of their names. What is put or deleted meanwhile may be seen or not. */
  abstract list(): AsyncIterable<StoredShard>;

  /** Resolves when the store can be used now. @throws StoreOfflineError */
  abstract check(): Promise<void>;
}
