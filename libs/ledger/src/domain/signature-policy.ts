import { DomainError } from '#kernel';

/** `subnet.*` stands for every action of subnets, `*` for all; anything else is an action itself. */
const PATTERN = /^(?:\*|[a-z][a-z0-9-]*(?:\.[a-z][a-z0-9-]*)*(?:\.\*)?)$/;

export function isSignaturePattern(text: string): boolean {
  return PATTERN.test(text);
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
