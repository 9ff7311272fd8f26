import {
  equalBytes,
  FormatError,
  fromBase64,
  parseCheckpoint,
  parseNote,
  parseTlogProof,
  TreeHasher,
  verifyInclusion,
} from '#merkle';
import { type AnchorPromise, verifyAnchorPromise } from './anchor-promise.js';
import type { ProofCrypto } from './proof-crypto.js';
import type { Receipt } from './receipt.js';

/** Two leaves at one index of a promised and of an anchored tree: what AnchorRegistry takes as proof of a fork. */
export interface AnchorFork {
  promise: AnchorPromise;
  /** Entries of the anchored head. */
  anchoredSize: number;
  index: number;
  /** Hashes of leaves, and their paths from the leaf upwards. */
  signedLeaf: Uint8Array;
  signedPath: Uint8Array[];
  anchoredLeaf: Uint8Array;
  anchoredPath: Uint8Array[];
}

/**
 * Makes the proof out of two receipts for one index: one whose head a signer promised to anchor, and one whose head is
 * anchored. Receipts of one history give none. @throws FormatError, saying what keeps them from being a proof
 */
export function anchorForkOf(crypto: ProofCrypto, promised: Receipt, anchored: Receipt): AnchorFork {
  if (!promised.anchorPromise) throw new FormatError('the first receipt carries no anchor promise');
  if (!anchored.anchor) throw new FormatError('the second receipt carries no anchor');
  const promise = verifyAnchorPromise(promised.anchorPromise, { origin: promised.log.origin });
  if (promised.log.origin !== anchored.log.origin) throw new FormatError('the receipts are of two logs');
  if (promised.index !== anchored.index) {
    throw new FormatError(`the receipts are for the leaves ${promised.index} and ${anchored.index}, not for one`);
  }
  const { chainId, contract } = anchored.anchor;
  if (chainId !== promise.chainId || contract.toLowerCase() !== promise.contract) {
    throw new FormatError('what was promised and what was anchored are in different contracts');
  }
  const [signed, there] = [placeOf(crypto, promised), placeOf(crypto, anchored)];
  if (signed.size !== promise.size) throw new FormatError('the promise is of another head than its receipt');
  if (equalBytes(signed.leaf, there.leaf)) throw new FormatError('both receipts have the same leaf at that index');
  return {
    promise,
    anchoredSize: there.size,
    index: promised.index,
    signedLeaf: signed.leaf,
    signedPath: signed.path,
    anchoredLeaf: there.leaf,
    anchoredPath: there.path,
  };
}

/** The leaf's hash with the path that leads from it to the root of the receipt's checkpoint. */
function placeOf(crypto: ProofCrypto, { index, leaf, proof }: Receipt) {
  const hasher = new TreeHasher(crypto.sha256);
  const { hashes, checkpoint } = parseTlogProof(proof);
  const { size, root } = parseCheckpoint(parseNote(checkpoint).text);
  const hash = hasher.leaf(fromBase64(leaf));
  if (!verifyInclusion(hasher, { index, size, leafHash: hash, proof: hashes, root })) {
    throw new FormatError(`the proof for leaf ${index} does not lead to the root of its checkpoint`);
  }
  return { size, leaf: hash, path: hashes };
}
