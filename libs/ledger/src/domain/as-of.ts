import type { LedgerEntryId } from '#kernel';

/** A point of the log: right behind an entry, behind an index, or at a time by what the bodies say. */
export type AsOf = { entryId: LedgerEntryId } | { index: number } | { time: Date };

/** Where a history was cut. */
export interface PointInLog {
  /** The last index of the log that counts. */
  index: number;
  /** The published head at the time of the answer: nothing later was looked at. */
  size: number;
}
