import type { TreeAppender } from '#merkle';

/** What a sequencer keeps in memory while it holds the log. Dropped, and loaded again, whenever the outcome of a write is unknown. */
export interface HeldLog {
  epoch: number;
  /** The tree as the database has it. */
  appender: TreeAppender;
  root: Uint8Array;
  /** How much of it a signed checkpoint covers that is published, or waits for its witnesses. */
  publishedSize: number;
  /** The checkpoint of that size as this process signed it; null until it has signed one. */
  note: string | null;
  /** Opened view keys by tenant. Secrets. */
  viewKeys: Map<string, Uint8Array>;
}

/** Another sequencer has started a newer epoch; this one may write nothing more. */
export class EpochLostError extends Error {
  override name = 'EpochLostError';
  constructor(epoch: number) {
    super(`the sequencer's epoch ${epoch} is over: another one has taken the log`);
  }
}

/** For how long a silent holder keeps the log to itself, in seconds. */
export const LEASE_SECONDS = 5;
