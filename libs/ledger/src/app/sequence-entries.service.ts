import { Injectable } from '@nestjs/common';
import { SystemUnitOfWork, type Tx } from '#database';
import { equalBytes, HASH_BYTES, type TileData, TreeHasher } from '#merkle';
import { nodeCrypto } from '#proof';
import { EpochLostError, type HeldLog, LEASE_SECONDS } from '../domain/held-log.js';
import { LogCorruptError, LogRolledBackError } from '../domain/ledger.errors.js';
import { type ChainHead, type PendingEntry, type PlacedEntry, placeEntries } from '../domain/place-entries.js';
import { LogRepository, tileKey } from '../infra/log.repository.js';
import { LogIdentity } from '../infra/log-identity.js';
import { TenantChainRepository } from '../infra/tenant-chain.repository.js';

/** How many entries go into one transaction. */
export const BATCH_LIMIT = 2000;

/**
 * Takes committed entries into the log, a batch in one transaction: numbers them, builds their leaves, stores them with the
 * tiles, reads everything back and recomputes it. Memory that flipped a bit shows before the commit, not in a signature.
 */
@Injectable()
export class SequenceEntriesService {
  private readonly hasher = new TreeHasher(nodeCrypto.sha256);

  constructor(
    private readonly uow: SystemUnitOfWork,
    private readonly log: LogRepository,
    private readonly chains: TenantChainRepository,
    private readonly identity: LogIdentity,
  ) {}

  /**
   * Returns the log as it is after one batch, and how many entries that was.
   * @throws EpochLostError, LogRolledBackError, LogCorruptError
   */
  async execute(held: HeldLog): Promise<{ held: HeldLog; count: number }> {
    return this.uow.run(async (tx) => {
      await this.requireHeld(tx, held);
      const pending = await this.log.pendingEntries(tx, BATCH_LIMIT);
      if (pending.length === 0) return { held, count: 0 };
      const before = await this.loadChains(tx, held, new Set(pending.map((entry) => entry.tenantId)));
      const { placed, chains } = this.place(held, before, pending);
      const appender = held.appender.clone();
      const tiles = appender.append(placed.map((entry) => entry.leafHash));
      const head = { size: appender.size, root: appender.root() };
      await this.log.insertLeaves(tx, placed);
      await this.log.storeTiles(tx, tiles);
      await this.log.moveChains(tx, chains);
      const removed = await this.log.removePending(
        tx,
        pending.map((entry) => entry.position),
      );
      if (removed !== pending.length) throw new EpochLostError(held.epoch);
      await this.log.moveHead(tx, head, LEASE_SECONDS);
      await this.recompute(tx, held, before, head.root, tiles);
      return { held: { ...held, appender, root: head.root }, count: placed.length };
    });
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

  private async loadChains(tx: Tx, held: HeldLog, tenantIds: Set<string>): Promise<Map<string, ChainHead>> {
    const stored = await this.log.chains(tx, [...tenantIds]);
    for (const [tenantId, chain] of stored) {
      if (held.viewKeys.has(tenantId)) continue;
      const viewKey = await this.chains.openViewKey(tenantId, chain.sealedViewKey, chain.viewKeyCommitment);
      held.viewKeys.set(tenantId, viewKey);
    }
    return stored;
  }

  private place(held: HeldLog, chains: Map<string, ChainHead>, entries: readonly PendingEntry[]) {
    const context = {
      crypto: nodeCrypto,
      hasher: this.hasher,
      origin: this.identity.origin,
      firstIndex: held.appender.size,
      viewKeys: held.viewKeys,
      chains,
    };
    return placeEntries(context, entries);
  }

  /** Everything once more, from the bytes that the database gives back. */
  private async recompute(
    tx: Tx,
    held: HeldLog,
    before: Map<string, ChainHead>,
    root: Uint8Array,
    tiles: TileData[],
  ): Promise<void> {
    const first = held.appender.size;
    const rows = await this.log.readPlacements(tx, first, first + BATCH_LIMIT);
    const { placed } = this.place(held, before, rows);
    const wrong = placed.findIndex((entry, at) => !samePlacement(entry, rows[at]!));
    if (wrong >= 0) {
      throw new LogCorruptError(`${placed[wrong]!.entryId} (index ${first + wrong}) was stored other than computed`);
    }
    const again = held.appender.clone();
    const recomputed = again.append(placed.map((entry) => entry.leafHash));
    const stored = await this.log.readTiles(tx, tiles);
    const torn = recomputed.find((tile) => !equalBytes(tile.hashes, stored.get(tileKey(tile)) ?? new Uint8Array(0)));
    if (torn) throw new LogCorruptError(`tile ${tileKey(torn)} was stored other than computed`);
    if (recomputed.length !== tiles.length || root.length !== HASH_BYTES || !equalBytes(again.root(), root)) {
      throw new LogCorruptError(`the batch at index ${first} does not hash to the same root twice`);
    }
  }
}

function samePlacement(
  computed: PlacedEntry,
  stored: { leafIndex: number; tenantSeq: number; prevHash: Uint8Array; leaf: Uint8Array },
): boolean {
  return (
    computed.leafIndex === stored.leafIndex &&
    computed.tenantSeq === stored.tenantSeq &&
    equalBytes(computed.prevHash, stored.prevHash) &&
    equalBytes(computed.leaf, stored.leaf)
  );
}
