import { DomainError } from '#kernel';

/** What everything that a user does must be: an action is signed when one of the patterns fits it, or when there are none. */
export type SignaturePatterns = readonly string[];

/** Carries the signatures of the enrolment itself; without it a user could never come to have a key. */
export const ENROLMENT_ACTION = 'signing-key.enrolled';

/** Once anything must be signed, loosening that must be as well. */
export const POLICY_ACTION = 'signature-policy.set';

/** `subnet.*` stands for every action of subnets, `*` for all; anything else is an action itself. */
const PATTERN = /^(?:\*|[a-z][a-z0-9-]*(?:\.[a-z][a-z0-9-]*)*(?:\.\*)?)$/;

export function isSignaturePattern(text: string): boolean {
  return PATTERN.test(text);
}

export function mustBeSigned(patterns: SignaturePatterns, action: string): boolean {
  if (action === ENROLMENT_ACTION) return false;
  if (action === POLICY_ACTION || patterns.length === 0) return true;
  return patterns.some((pattern) =>
    pattern.endsWith('*') ? action.startsWith(pattern.slice(0, -1)) : action === pattern,
  );
}

/** The tenant wants the action signed, and the request is not. */
export class SignatureRequiredError extends DomainError {
  constructor(action: string) {
    super(
      'precondition-required',
      'SignatureRequired',
      `Your tenant wants ${action} signed, and this request is not.`,
      {
        extra: { action },
        errors: [
          {
            pointer: '/header/signature',
            rule: 'signature.required',
            message: `${action} takes a signature of the user who asks for it`,
            fix: 'enrol a signing key (POST /v1/signing-keys) and sign the request as docs/signing-requests.md shows; `freehold signing-key create` does both',
          },
        ],
      },
    );
  }
}

/** The key was revoked between the check of the signature and the commit of the change. */
export class SigningKeyRevokedError extends DomainError {
  constructor(keyId: string) {
    super('unauthenticated', 'SigningKeyUnknown', `The signing key ${keyId} was revoked while the change was made.`);
  }
}
