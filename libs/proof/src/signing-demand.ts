/** Which changes a tenant wants signed: the actions of its policy, none of which stands for all. */
export type SignaturePatterns = readonly string[];

/** Carries the signatures of the enrolment itself; without it a user could never come to have a key. */
export const ENROLMENT_ACTION = 'signing-key.enrolled';

/** Once anything must be signed, loosening that must be as well. */
export const POLICY_ACTION = 'signature-policy.set';

export function mustBeSigned(patterns: SignaturePatterns, action: string): boolean {
  if (action === ENROLMENT_ACTION) return false;
  if (action === POLICY_ACTION || patterns.length === 0) return true;
  return patterns.some((pattern) =>
    pattern.endsWith('*') ? action.startsWith(pattern.slice(0, -1)) : action === pattern,
  );
}
