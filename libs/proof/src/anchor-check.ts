import { FormatError, toHex } from '#merkle';
import { type AnchorPromise, describeAnchorPromise, verifyAnchorPromise } from './anchor-promise.js';
import { type AnchorProof, verifyAnchorProof } from './anchor-proof.js';
import { type AnchorRecord, describeAnchor } from './anchor-record.js';
import type { ValidatorSet } from './validator-set.js';
import type { Outcome } from './verification.js';

/** What a verifier knows of the chain, and what it demands of the anchor of a head. */
export interface AnchorTrust {
  /** The hash of the block in whose state the anchor must be, as the verifier knows it: `0x` and 64 digits. */
  anchorBlock?: string;
  /** Who seals the blocks of the chain, as the verifier knows it. */
  validators?: ValidatorSet;
  /** The contract that the log is anchored in, as the verifier knows it: another could hold another history of the log. */
  anchorContract?: string;
  /** Fails unless the head is anchored; and, where a block or validators are given, unless that is proven against them. */
  requireAnchor?: boolean;
}

/** What a document says of the anchor of its head. */
export interface AnchorClaim {
  anchor: AnchorRecord | null;
  anchorPromise: AnchorPromise | null;
  anchorProof: AnchorProof | null;
}

export interface CheckedAnchor {
  outcome: Outcome;
  /** Said to be on a chain. */
  anchored: boolean;
  /** Proven to be in the state of a block that the verifier named, or that its validators sealed. */
  proven: boolean;
}

/** @throws FormatError when what is there is of another head, or does not hold */
export async function checkAnchor(
  trust: AnchorTrust,
  origin: string,
  { anchor, anchorPromise, anchorProof }: AnchorClaim,
  head: { size: number; root: Uint8Array },
): Promise<CheckedAnchor> {
  const root = toHex(head.root);
  for (const claim of [anchor, anchorPromise, anchorProof]) {
    if (claim && (claim.size !== head.size || claim.root !== root)) {
      throw new FormatError('the anchor is of another head than the checkpoint');
    }
  }
  const promised = anchorPromise && describeAnchorPromise(verifyAnchorPromise(anchorPromise, { origin }));
  if (anchor && anchorProof) requireSameContract(anchor, anchorProof);
  const { anchorBlock, validators, requireAnchor, anchorContract } = trust;
  for (const claim of [anchor, anchorProof]) {
    if (anchorContract === undefined || !claim || claim.contract.toLowerCase() === anchorContract.toLowerCase())
      continue;
    throw new FormatError(`the anchor is in the contract ${claim.contract}, and ${anchorContract} is expected`);
  }
  const report = anchorProof && (await verifyAnchorProof(anchorProof, { blockHash: anchorBlock, validators, origin }));
  const proven = report !== null && report.pinned.length > 0 && report.knownCode;
  const anchored = anchor !== null || proven;
  const demanded = anchorBlock !== undefined || validators !== undefined ? proven : anchored;
  const unmet = requireAnchor && !demanded ? ({ unmet: 'anchor-not-proven' } as const) : {};
  const pending = promised ? `pending: ${promised}` : 'pending: no anchor is there yet';
  const whichContract =
    proven && anchorContract === undefined
      ? 'that this is the contract of the log is not checked: it is not pinned'
      : null;
  const detail =
    [anchor && describeAnchor(anchor), report?.detail, whichContract].filter(Boolean).join('; ') || pending;
  return { outcome: { detail, open: !anchored, ...unmet }, anchored, proven };
}

function requireSameContract(anchor: AnchorRecord, proof: AnchorProof): void {
  if (anchor.chainId === proof.chainId && anchor.contract.toLowerCase() === proof.contract) return;
  throw new FormatError('the proof of the anchor is of another contract than the anchor');
}
