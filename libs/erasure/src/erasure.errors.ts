/**
 * Errors of a library that also runs in a browser, and so cannot use the server's. Whoever offers these functions to a
 * caller over HTTP checks the caller's input first: what arrives here wrong is a shard that must not be trusted.
 */

/** A shard, or a set of shards, does not have the form that its code and segment demand. */
export class ShardError extends Error {
  override name = 'ShardError';
}

/** Fewer shards are at hand than the code needs: the segment cannot be rebuilt from these. */
export class NotEnoughShardsError extends ShardError {
  override name = 'NotEnoughShardsError';

  constructor(
    readonly available: number,
    readonly needed: number,
  ) {
    super(`${available} shards are at hand and ${needed} are needed: bring further shards of the same segment`);
  }
}
