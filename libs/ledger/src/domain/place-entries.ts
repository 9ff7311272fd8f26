import { equalBytes, type TreeHasher } from '#merkle';
import { type EntryClass, encodeLeaf, type ProofCrypto, parseBody } from '#proof';
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
  /** Classes by entry, of bodies that were read before; filled as others are. */
  classes: Map<string, EntryClass>;
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
  const { crypto, hasher, origin, firstIndex, viewKeys, classes } = context;
  const chains = new Map(context.chains);
  const placed = entries.map((entry, at): PlacedEntry => {
    const chain = chains.get(entry.tenantId);
    const viewKey = viewKeys.get(entry.tenantId);
    if (!chain || !viewKey)
      throw new LogCorruptError(`${entry.entryId} belongs to ${entry.tenantId}, which has no chain`);
    const tenantSeq = chain.seq + 1;
    const prevHash = chain.lastLeafHash;
    const entryClass = classes.get(entry.entryId) ?? recordedClass(crypto, entry);
    classes.set(entry.entryId, entryClass);
    const { salt, body } = entry;
    const leaf = encodeLeaf(crypto, { origin, class: entryClass, viewKey, salt, body, tenantSeq, prevHash });
    const leafHash = hasher.leaf(leaf);
    chains.set(entry.tenantId, { seq: tenantSeq, lastLeafHash: leafHash });
    const { tenantId, entryId } = entry;
    return { leafIndex: firstIndex + at, tenantId, entryId, tenantSeq, prevHash, leaf, leafHash };
  });
  return { placed, chains };
}

/** Reads the body, once it is certain that it is the promised one. */
function recordedClass(crypto: ProofCrypto, entry: PendingEntry): EntryClass {
  if (!equalBytes(crypto.sha256(entry.body), entry.bodyHash)) {
    throw new LogCorruptError(`the stored body of ${entry.entryId} is not the one that was promised`);
  }
  const body = parseStoredBody(entry);
  if (body.id !== entry.entryId || body.tenant !== entry.tenantId) {
    throw new LogCorruptError(`the stored body of ${entry.entryId} is that of another entry`);
  }
  return body.class;
}

function parseStoredBody(entry: PendingEntry) {
  try {
    return parseBody(entry.body);
  } catch {
    throw new LogCorruptError(`the stored body of ${entry.entryId} is no body of version 1`);
  }
}
