import { DomainError, type FieldError, InvalidInputError } from '#kernel';

export type SignatureErrorCode =
  | 'SignatureInvalid'
  | 'SignatureComponentMissing'
  | 'SignatureComponentUnsupported'
  | 'SignatureParameterMissing'
  | 'SignatureExpired'
  | 'SignatureNotYetValid'
  | 'SigningKeyUnknown';

/** A signature that does not vouch for its request: it is refused, and not taken for a request that nobody signed. */
export class SignatureError extends DomainError {
  constructor(code: SignatureErrorCode, error: FieldError) {
    super('unauthenticated', code, `The signature of the request is refused: ${error.message}.`, { errors: [error] });
  }
}

const INPUT = '/header/signature-input';

export function malformed(message: string, pointer = INPUT): SignatureError {
  return new SignatureError('SignatureInvalid', {
    pointer,
    rule: 'signature.form',
    message,
    fix: 'build it as RFC 9421 says; docs/signing-requests.md has an example',
  });
}

export function parameterMissing(name: string): SignatureError {
  return new SignatureError('SignatureParameterMissing', {
    pointer: INPUT,
    rule: 'signature.parameter',
    message: `the parameter ${name} is missing`,
    fix: `give the signature the parameters created, nonce, keyid and tag`,
  });
}

export function componentMissing(name: string): SignatureError {
  return new SignatureError('SignatureComponentMissing', {
    pointer: INPUT,
    rule: 'signature.component',
    message: `${name} is not covered`,
    fix: `add "${name}" to the covered components`,
  });
}

/** The request has not what the signature must cover. */
export function fieldMissing(name: string): SignatureError {
  return new SignatureError('SignatureComponentMissing', {
    pointer: `/header/${name}`,
    rule: 'signature.component',
    message: `the request has no ${name}`,
    fix: `send ${name} and cover it`,
  });
}

export function componentUnsupported(name: string): SignatureError {
  return new SignatureError('SignatureComponentUnsupported', {
    pointer: INPUT,
    rule: 'signature.component',
    message: `${name} may not be covered: what is covered is kept as evidence, and it could be a secret`,
    fix: `leave "${name}" out of the covered components`,
  });
}

export function outsideWindow(code: 'SignatureExpired' | 'SignatureNotYetValid', message: string): SignatureError {
  return new SignatureError(code, {
    pointer: INPUT,
    rule: 'signature.time',
    message,
    fix: 'set the clock of the machine that signs, and sign each request when it is sent',
  });
}

/** Unknown, revoked, another user's and another tenant's: all of them are answered alike. */
export function signingKeyUnknown(keyId: string): SignatureError {
  return new SignatureError('SigningKeyUnknown', {
    pointer: INPUT,
    rule: 'signature.key',
    message: `the user of this API key has no signing key ${keyId}`,
    fix: 'sign with a key that this user has enrolled and that is not revoked (GET /v1/signing-keys)',
  });
}

export function signatureWrong(): SignatureError {
  return new SignatureError('SignatureInvalid', {
    pointer: '/header/signature',
    rule: 'signature.holds',
    message: 'it is not one of this key over this request',
    fix: 'compare your signature base with the request that was sent; nothing between you and the API may change what is covered',
  });
}

export function digestRefused(rule: 'form' | 'algorithm' | 'content', message: string, fix: string): InvalidInputError {
  return new InvalidInputError([{ pointer: '/header/content-digest', rule: `content-digest.${rule}`, message, fix }]);
}
