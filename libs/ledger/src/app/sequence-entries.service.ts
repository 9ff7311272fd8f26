import { Injectable } from '@nestjs/common';
import { SystemUnitOfWork, type Tx } from '#database';
import { failpoint } from '#kernel';
import { equalBytes, TreeHasher } from '#merkle';
import { nodeCrypto, viewKeyCommitment } from '#proof';
import { EpochLostError, type HeldLog, LEASE_SECONDS } from '../domain/held-log.js';
import { LogCorruptError, LogRolledBackError } from '../domain/ledger.errors.js';
import { Placement } from '../domain/place-entries.js';
import { LeafRepository, type WaitingEntry } from '../infra/leaf.repository.js';
import { LogRepository, tileKey } from '../infra/log.repository.js';
import { LogIdentity } from '../infra/log-identity.js';
import { TenantChainRepository } from '../infra/tenant-chain.repository.js';

/** How many entries travel together. */
const CHUNK_LIMIT = 1000;
const CHUNK_BYTES = 8 << 20;
/** A transaction takes no further chunk once it has this many entries, or has gone on for so long. */
const BATCH_LIMIT = 8000;
const BATCH_MS = 100;

/**
 * Takes committed entries into the log, a batch in one transaction: numbers them, builds their leaves, stores them with the
 * tiles, reads everything back and recomputes it. Memory that flipped a bit shows before the commit, not in a signature.
 *
 * A batch goes in chunks, so that the database and this process work at the same time: while one chunk is being stored and
 * read back, the next is fetched over another connection and placed (ADR 13).
 */
@Injectable()
export class SequenceEntriesService {
  private readonly hasher = new TreeHasher(nodeCrypto.sha256);

  constructor(
    private readonly uow: SystemUnitOfWork,
    private readonly log: LogRepository,
    private readonly leaves: LeafRepository,
    private readonly chains: TenantChainRepository,
    private readonly identity: LogIdentity,
  ) {}

  /**
   * Returns the log as it is after one batch, and how many entries that was.
   * @throws EpochLostError, LogRolledBackError, LogCorruptError
   */
  async execute(held: HeldLog): Promise<{ held: HeldLog; count: number }> {
    const first = await this.waiting([]);
    if (first.length === 0) return { held, count: 0 };
    failpoint('sequence: fetched');
    const taken = await this.uow.run(async (tx) => {
      await this.requireHeld(tx, held);
      failpoint('sequence: locked');
      const [stored, again] = [this.placement(held), this.placement(held)];
      await this.takeIn(tx, held, first, stored, again);
      failpoint('sequence: leaves checked');
      const head = { size: stored.appender.size, root: stored.appender.root() };
      await Promise.all([
        this.log.storeTiles(tx, stored.tiles),
        this.log.moveChains(tx, stored.chains),
        this.log.moveHead(tx, head, LEASE_SECONDS),
        this.requireSameTree(tx, stored, again, head.root),
      ]);
      failpoint('sequence: head moved');
      const count = head.size - held.appender.size;
      return { held: { ...held, appender: stored.appender, root: head.root }, count };
    });
    failpoint('sequence: committed');
    return taken;
  }

  private async requireHeld(tx: Tx, held: HeldLog): Promise<void> {
    const head = await this.log.lockHead(tx);
    if (!head || head.epoch !== held.epoch) throw new EpochLostError(held.epoch);
    if (head.size !== held.appender.size || !equalBytes(head.root, held.root)) {
      throw new LogRolledBackError(
        `the database has ${head.size} entries where this process stored ${held.appender.size}: it was put back under a running service`,
      );
    }
  }

  private placement(held: HeldLog): Placement {
    const context = {
      crypto: nodeCrypto,
      hasher: this.hasher,
      origin: this.identity.origin,
      viewKeys: held.viewKeys,
    };
    return new Placement(context, held.appender);
  }

  private waiting(taken: readonly string[]): Promise<WaitingEntry[]> {
    return this.leaves.waiting(taken, CHUNK_LIMIT, CHUNK_BYTES);
  }

  /** Chunk after chunk, each checked while the next ones are on their way. */
  private async takeIn(
    tx: Tx,
    held: HeldLog,
    first: WaitingEntry[],
    stored: Placement,
    again: Placement,
  ): Promise<void> {
    const until = performance.now() + BATCH_MS;
    const taken: string[] = [];
    let checks: Promise<void> = Promise.resolve();
    let chunk = first;
    while (chunk.length > 0) {
      for (const { position } of chunk) taken.push(position);
      const goesOn = isFull(chunk) && taken.length < BATCH_LIMIT && performance.now() < until;
      const next = goesOn ? this.waiting(taken) : Promise.resolve([]);
      next.catch(() => undefined);
      await this.loadChains(held, chunk, stored, again);
      const check = this.storeChunk(tx, held, chunk, stored, again);
      checks = Promise.all([checks, check]).then(() => undefined);
      checks.catch(() => undefined);
      chunk = await next;
    }
    await checks;
  }

  /** Places a chunk, and sends it with the question how it was stored. */
  private async storeChunk(
    tx: Tx,
    held: HeldLog,
    entries: WaitingEntry[],
    stored: Placement,
    again: Placement,
  ): Promise<void> {
    const placed = stored.place(entries);
    const [count] = await Promise.all([
      this.leaves.place(tx, entries, placed),
      this.requireSameLeaves(tx, entries, placed[0]!.leafIndex, again),
    ]);
    failpoint('sequence: leaves stored');
    if (count !== entries.length) throw new EpochLostError(held.epoch);
  }

  /** The leaves of a chunk once more, from what the database gives back. */
  protected async requireSameLeaves(
    tx: Tx,
    entries: readonly WaitingEntry[],
    first: number,
    again: Placement,
  ): Promise<void> {
    const rows = await this.leaves.readBack(tx, first, first + entries.length);
    const recomputed = again.place(
      rows.map(({ tenantId, entryId, bodyHash, salt }, at) => {
        return { tenantId, entryId, bodyHash, salt, body: entries[at]!.body };
      }),
    );
    const wrong = recomputed.findIndex((entry, at) => {
      const row = rows[at]!;
      const same =
        entry.tenantSeq === row.tenantSeq &&
        equalBytes(entry.prevHash, row.prevHash) &&
        equalBytes(entry.leaf, row.leaf);
      return !same;
    });
    if (wrong < 0) return;
    throw new LogCorruptError(`${rows[wrong]!.entryId} (index ${first + wrong}) was stored other than computed`);
  }

  /** The chains that a chunk brings in, as they were before the batch; both computations begin from them. */
  private async loadChains(held: HeldLog, entries: readonly WaitingEntry[], ...placements: Placement[]): Promise<void> {
    const known = placements[0]!.chains;
    const missing = new Set(entries.map((entry) => entry.tenantId).filter((tenantId) => !known.has(tenantId)));
    if (missing.size === 0) return;
    for (const [tenantId, chain] of await this.leaves.chains([...missing])) {
      const kept = held.viewKeys.get(tenantId);
      // A key that is kept for long is as good as the memory that keeps it: it is held against its commitment each time.
      if (!kept || viewKeyCommitment(nodeCrypto, kept) !== chain.viewKeyCommitment) {
        const opened = await this.chains.openViewKey(tenantId, chain.sealedViewKey, chain.viewKeyCommitment);
        held.viewKeys.set(tenantId, opened);
      }
      for (const { chains } of placements) chains.set(tenantId, { seq: chain.seq, lastLeafHash: chain.lastLeafHash });
    }
  }

  /** The tiles as they are stored, and the root, from the second computation. */
  protected async requireSameTree(tx: Tx, stored: Placement, again: Placement, root: Uint8Array): Promise<void> {
    const found = await this.log.readTiles(tx, stored.tiles);
    const tiles = again.tiles;
    const torn = tiles.find((tile) => !equalBytes(tile.hashes, found.get(tileKey(tile)) ?? new Uint8Array(0)));
    if (torn) throw new LogCorruptError(`tile ${tileKey(torn)} was stored other than computed`);
    if (tiles.length !== stored.tiles.length || !equalBytes(again.appender.root(), root)) {
      throw new LogCorruptError('the batch does not hash to the same root twice');
    }
  }
}

/** Whether there may be more where these came from. */
function isFull(chunk: readonly WaitingEntry[]): boolean {
  return chunk.length === CHUNK_LIMIT || chunk.reduce((bytes, { body }) => bytes + body.length, 0) >= CHUNK_BYTES;
}
