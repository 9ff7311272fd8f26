import { equalBytes, type TreeHasher } from '#merkle';
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
  leafHash: Uint8Array;
}

export interface PlacementContext {
  crypto: ProofCrypto;
  hasher: TreeHasher;
  origin: string;
  /** Index of the first entry placed. */
  firstIndex: number;
  viewKeys: ReadonlyMap<string, Uint8Array>;
  /** Before the first entry placed. */
  chains: ReadonlyMap<string, ChainHead>;
}

/**
 * Gives entries, in their order, a place in the log and in their chains, and builds their leaves. Pure: the same entries at
 * the same place give the same leaves, so that a batch can be recomputed from stored bytes before it is signed.
 * @throws LogCorruptError naming the entry whose stored bytes are not what was recorded
 */
export function placeEntries(
  context: PlacementContext,
  entries: readonly PendingEntry[],
): { placed: PlacedEntry[]; chains: Map<string, ChainHead> } {
  const { crypto, hasher, origin, firstIndex, viewKeys } = context;
  const chains = new Map(context.chains);
  const placed = entries.map((entry, at): PlacedEntry => {
    const chain = chains.get(entry.tenantId);
    const viewKey = viewKeys.get(entry.tenantId);
    if (!chain || !viewKey)
      throw new LogCorruptError(`${entry.entryId} belongs to ${entry.tenantId}, which has no chain`);
    const tenantSeq = chain.seq + 1;
    const prevHash = chain.lastLeafHash;
    const { salt, body } = entry;
    // The body was made from its id and tenant when it was recorded: being the promised bytes is all that is left to check.
    if (!equalBytes(crypto.sha256(body), entry.bodyHash)) {
      throw new LogCorruptError(`the stored body of ${entry.entryId} is not the one that was promised`);
    }
    const leaf = encodeLeaf(crypto, { origin, viewKey, salt, body, tenantSeq, prevHash });
    const leafHash = hasher.leaf(leaf);
    chains.set(entry.tenantId, { seq: tenantSeq, lastLeafHash: leafHash });
    const { tenantId, entryId } = entry;
    return { leafIndex: firstIndex + at, tenantId, entryId, tenantSeq, prevHash, leaf, leafHash };
  });
  return { placed, chains };
}
