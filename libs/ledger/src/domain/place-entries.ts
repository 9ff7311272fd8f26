import { equalBytes, type TileData, type TreeAppender, type TreeHasher } from '#merkle';
import { encodeLeaf, type ProofCrypto } from '#proof';
import { LogCorruptError } from './ledger.errors.js';

/** An entry that is committed but not in the log yet. */
export interface PendingEntry {
  tenantId: string;
  entryId: string;
  body: Uint8Array;
  bodyHash: Uint8Array;
  salt: Uint8Array;
}

/** How far a tenant's chain has come. */
export interface ChainHead {
  seq: number;
  /** Leaf hash of the chain's last entry; zeros before the first. */
  lastLeafHash: Uint8Array;
}

/** An entry with its place in the log and in its tenant's chain. */
export interface PlacedEntry {
  leafIndex: number;
  tenantId: string;
  entryId: string;
  tenantSeq: number;
  prevHash: Uint8Array;
  leaf: Uint8Array;
}

export interface PlacementContext {
  crypto: ProofCrypto;
  hasher: TreeHasher;
  origin: string;
  viewKeys: ReadonlyMap<string, Uint8Array>;
}

/**
 * Gives entries, in their order, a place in the log and in their chains, builds their leaves and grows the tree. Pure: the
 * same entries at the same place give the same leaves, so that a batch is recomputed from stored bytes before it is signed.
 */
export class Placement {
  readonly chains = new Map<string, ChainHead>();
  private readonly tree: TreeAppender;
  /** The newest of each place: a tile that grew in several steps is stored once. */
  private readonly grown = new Map<string, TileData>();

  constructor(
    private readonly context: PlacementContext,
    before: TreeAppender,
  ) {
    this.tree = before.clone();
  }

  /** The tree with everything placed so far. */
  get appender(): TreeAppender {
    return this.tree;
  }

  /** Every tile that came to be or changed. */
  get tiles(): TileData[] {
    return [...this.grown.values()];
  }

  /** @throws LogCorruptError naming the entry whose stored bytes are not what was recorded */
  place(entries: readonly PendingEntry[]): PlacedEntry[] {
    const { hasher } = this.context;
    const first = this.tree.size;
    const hashes: Uint8Array[] = [];
    const placed = entries.map((entry, at): PlacedEntry => {
      const { seq, lastLeafHash: prevHash } = this.chainOf(entry);
      const leaf = this.leafOf(entry, seq + 1, prevHash);
      const lastLeafHash = hasher.leaf(leaf);
      hashes.push(lastLeafHash);
      this.chains.set(entry.tenantId, { seq: seq + 1, lastLeafHash });
      const { tenantId, entryId } = entry;
      return { leafIndex: first + at, tenantId, entryId, tenantSeq: seq + 1, prevHash, leaf };
    });
    for (const tile of this.tree.append(hashes)) this.grown.set(`${tile.level}/${tile.index}`, tile);
    return placed;
  }

  private chainOf({ tenantId, entryId }: PendingEntry): ChainHead {
    const chain = this.chains.get(tenantId);
    if (!chain) throw new LogCorruptError(`${entryId} belongs to ${tenantId}, which has no chain`);
    return chain;
  }

  private leafOf(entry: PendingEntry, tenantSeq: number, prevHash: Uint8Array): Uint8Array {
    const { crypto, origin, viewKeys } = this.context;
    const { salt, body } = entry;
    // The body was made from its id and tenant when it was recorded: being the promised bytes is all that is left to check.
    if (!equalBytes(crypto.sha256(body), entry.bodyHash)) {
      throw new LogCorruptError(`the stored body of ${entry.entryId} is not the one that was promised`);
    }
    return encodeLeaf(crypto, { origin, viewKey: viewKeys.get(entry.tenantId)!, salt, body, tenantSeq, prevHash });
  }
}
