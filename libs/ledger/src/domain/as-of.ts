import type { LedgerEntryId } from '#kernel';

/** A point of the log: right behind an entry, behind an index, or at a time by what the bodies say. */
export type AsOf = { entryId: LedgerEntryId } | { index: number } | { time: Date };

/** Where a history was cut. */
export interface PointInLog {
  /** The last index of the log that counts; null for now, with what is not in the log yet. */
  index: number | null;
  /** How many entries the log had published. */
  size: number;
}
