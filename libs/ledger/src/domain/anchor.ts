import type { Hex } from '#chain';

/** pending: the node does not have it (any more); sent: the node took it; final: its block will not change any more. */
export const ANCHOR_STATES = ['pending', 'sent', 'final'] as const;
export type AnchorState = (typeof ANCHOR_STATES)[number];

/** A registry contract on a chain with our log in it. */
export interface Deployment {
  id: string;
  chainId: number;
  /** Who sends its transactions. */
  account: Hex;
  contract: Hex;
  logId: Hex;
  epoch: number;
  threshold: number;
  /** Addresses, ascending. */
  signers: Hex[];
  /** Hash of the newest link that was signed, mined or not. */
  head: Hex;
}

/** A published head on its way into the chain, or there. */
export interface Anchor {
  id: string;
  size: number;
  root: Hex;
  epoch: number;
  prev: Hex;
  head: Hex;
  nonce: number;
  state: AnchorState;
  txHash: Hex;
  block: AnchorBlock | null;
}

export interface AnchorBlock {
  number: number;
  hash: Hex;
}

export interface AnchorPace {
  /** Entries of the newest published checkpoint; 0 before the first. */
  publishedSize: number;
  /** Entries of the newest anchor, final or not; 0 before the first. */
  anchoredSize: number;
  /** Since the newest anchor was made; null before the first. */
  elapsedMs: number | null;
  intervalMs: number;
  /** Whether somebody asked for an anchor of a published entry at once, and the least time between two anchors then. */
  urgent: boolean;
  urgentIntervalMs: number;
  /** Transactions that were signed and are in no block yet. */
  unmined: number;
}

/**
 * Whether another anchor should be made now. While one waits for a block there is none: when the chain comes back, the
 * newest checkpoint alone is what is left to do.
 */
export function isAnchorDue({ publishedSize, anchoredSize, elapsedMs, unmined, ...pace }: AnchorPace): boolean {
  if (unmined > 0 || publishedSize <= anchoredSize) return false;
  const intervalMs = pace.urgent ? Math.min(pace.urgentIntervalMs, pace.intervalMs) : pace.intervalMs;
  return elapsedMs === null || elapsedMs >= intervalMs;
}
