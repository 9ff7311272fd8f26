/**
 * What a watch has found. `kept`, `pending` and `grew` are as it should be; `erased` was there, and
 * its owner erased it; `not-asked` cannot be looked after with this
 * API key; the others are alarms, and `broken` and `equivocated` come with evidence.
 */
export type FindingKind =
  | 'kept'
  | 'pending'
  | 'not-asked'
  | 'erased'
  | 'grew'
  | 'refused'
  | 'silent'
  | 'stopped'
  | 'went-back'
  | 'bad-signature'
  | 'garbage'
  | 'not-a-promise'
  | 'broken'
  | 'equivocated';

export interface Finding {
  kind: FindingKind;
  detail: string;
  entryId?: string;
  /** The file that proves it, or the receipt. */
  file?: string;
}

const FINE: readonly FindingKind[] = ['kept', 'pending', 'grew', 'not-asked', 'erased'];

export function isAlarm({ kind }: Finding): boolean {
  return !FINE.includes(kind);
}
