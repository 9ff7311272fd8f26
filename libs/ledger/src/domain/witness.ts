/**
 * unknown: not asked yet; ok: cosigned what it was asked last; unreachable: no answer, or not one of the protocol;
 * refusing: it does not know this log or its key; alarm: what it says does not fit one history of this log.
 */
export const WITNESS_STATES = ['unknown', 'ok', 'unreachable', 'refusing', 'alarm'] as const;
export type WitnessState = (typeof WITNESS_STATES)[number];

/** A witness as it was set: who it is, and where it answers. */
export interface WitnessSetting {
  vkey: string;
  /** The submission prefix of c2sp.org/tlog-witness; `add-checkpoint` is behind it. */
  url: string;
}

/** A witness with how far it has come. */
export interface WitnessStanding {
  vkey: string;
  name: string;
  url: string;
  /** The size it is known to have cosigned last; 0 for none. */
  cosignedSize: number;
  /** By its own clock. */
  cosignedAt: Date | null;
  state: WitnessState;
  failure: string | null;
  failedAt: Date | null;
}

export interface WitnessOverview {
  /** So many of the witnesses make a checkpoint a witnessed one. */
  threshold: number;
  /** Whether a checkpoint is published only then. */
  required: boolean;
  /** The newest witnessed checkpoint's size; 0 for none. */
  witnessedSize: number;
  witnesses: WitnessStanding[];
}
