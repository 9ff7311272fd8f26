import { DomainError, InvalidInputError } from '#kernel';

/** Bytes that claim to be one of our formats and are not, or were changed since they were made. Names what and where. */
export class CorruptDatasetError extends DomainError {
  constructor(what: string, detail: string, options: { cause?: unknown } = {}) {
    super('unprocessable', 'CorruptDataset', `${what}: ${detail}`, options);
  }
}

/** The key at hand does not open this dataset. */
export class WrongDatasetKeyError extends DomainError {
  constructor(detail: string, options: { cause?: unknown } = {}) {
    super('forbidden', 'WrongDatasetKey', detail, options);
  }
}

/** A signature is not the expected signer's: nothing that it covers may be used. */
export class UntrustedSignatureError extends DomainError {
  constructor(what: string, detail: string) {
    super('forbidden', 'UntrustedSignature', `${what}: ${detail}`);
  }
}

/** An entry of a file tree that must not be written below a target folder. */
export class UnsafeEntryError extends DomainError {
  constructor(path: string, rule: string, detail: string) {
    super('unprocessable', 'UnsafeEntry', `${JSON.stringify(path)}: ${detail}`, { extra: { path, rule } });
  }
}

/** One rule of one field, broken. */
export function invalidField(pointer: string, rule: string, message: string, fix: string): InvalidInputError {
  return new InvalidInputError([{ pointer, rule, message, fix }]);
}
