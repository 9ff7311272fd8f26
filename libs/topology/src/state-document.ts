import type { Disclosure, JsonObject, ReplayBreak } from '#proof';
import type { StateQuestion } from './state-claims.js';

/** An entry that an answer rests on; without an index while it is not in the log. */
export type SupportingEntry = { id: string; index: number | null };

/** Why an answer about the past is what it is (docs/formats/state-v1.md): the member `history` of such an answer. */
export interface StateHistory {
  v: 1;
  type: 'freehold-state';
  tenant: string;
  vpcId: string;
  question: StateQuestion;
  asOf: {
    /** As it was asked for; null for "now". */
    requested: string | null;
    /** The last index of the log that counts; null for now, with what is not in the log yet. */
    index: number | null;
    /** How many entries the log had published when this was answered. */
    size: number;
  };
  /** Every entry that was replayed, in the order of the log. */
  entries: SupportingEntry[];
  /** Entries among them whose bodies were erased: what they did cannot be known. */
  erased: (SupportingEntry & { erasedBy: string })[];
  /** Where the entries do not continue each other. */
  breaks: {
    entryId: string;
    index: number | null;
    type: string;
    id: string;
    kind: ReplayBreak['kind'];
    detail: string;
  }[];
  /** The entries themselves with their places in the log, when they were asked for. */
  proof: Disclosure | null;
}

/** An answer about the past: what is claimed, and why. */
export interface StateDocument {
  claims: JsonObject;
  history: StateHistory;
}

export function breaksOf(breaks: readonly ReplayBreak[]): StateHistory['breaks'] {
  return breaks.map(({ entryId, index, type, id, kind, detail }) => ({
    entryId,
    index: index ?? null,
    type,
    id,
    kind,
    detail,
  }));
}
