/** How the open log grows, from what everybody may read: nothing of any tenant's is counted on its own. */
export interface LogStatistics {
  at: Date;
  origin: string;
  /** The first key of the log, which verifiers pin. */
  vkey: string;
  size: number;
  /** Hexadecimal; null before the first checkpoint. */
  root: string | null;
  publishedAt: Date | null;
  /** Published checkpoints; null while they are still being counted after a start. */
  checkpoints: number | null;
  /** Oldest first; the last one has only begun. */
  hours: LogHour[];
  anchors: AnchorStatistics;
  witnesses: { threshold: number; required: boolean; count: number; witnessedSize: number };
}

export interface LogHour {
  from: Date;
  /** Published in that hour. */
  entries: number;
  /** Null while they are still being counted. */
  checkpoints: number | null;
  /** Entries of the log at the end of the hour. */
  size: number;
}

export interface AnchorStatistics {
  /** On their way into a chain; null for a thousand and more. */
  unsettled: number | null;
  /** The newest that is final; null before the first. */
  newest: {
    size: number;
    chainId: number;
    txHash: string;
    blockNumber: number;
    finality: string;
    independentTrust: boolean;
    finalAt: Date;
  } | null;
}

export const MAX_HOURS = 168;
export const HOUR_MS = 3_600_000;

/** The starts of the last `count` hours, oldest first; the last one is the hour that runs. */
export function hoursUntil(now: Date, count: number): Date[] {
  const current = Math.floor(now.getTime() / HOUR_MS) * HOUR_MS;
  return Array.from({ length: count }, (_none, back) => new Date(current - (count - 1 - back) * HOUR_MS));
}
