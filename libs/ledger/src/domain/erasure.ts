/** What can be erased of an entry. */
export const ERASURE_SCOPES = ['body', 'evidence'] as const;
export type ErasureScope = (typeof ERASURE_SCOPES)[number];

/** As the table's own guard has it (migrations/20261126000300-ledger-erasure.sql). */
const KEPT = ['tenant.genesis', 'ledger-entry.erased', 'disclosure.created'];
const KEPT_FAMILIES = ['signing-key.', 'signature-policy.', 'log-key.', 'break-glass.'];

/** Whether nothing else is proven with an entry of this action. */
export function isErasable(action: string): boolean {
  return !KEPT.includes(action) && !KEPT_FAMILIES.some((family) => action.startsWith(family));
}
