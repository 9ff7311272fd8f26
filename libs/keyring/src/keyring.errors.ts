import { DomainError } from '#kernel';

/** The key-encryption key cannot be used now: its file or its command is at fault. Never says anything about the key. */
export class KekUnavailableError extends DomainError {
  constructor(detail: string, options?: { cause?: unknown }) {
    super('unavailable', 'KekUnavailable', detail, options);
  }
}

/** Sealed bytes do not open: another key, another purpose (AAD), or they were changed. Which of these is not told apart. */
export class SealBrokenError extends DomainError {
  constructor(detail: string) {
    super('unavailable', 'SealBroken', detail);
  }
}

/** A service key does not exist yet, and this process may only read. */
export class ServiceKeyMissingError extends DomainError {
  constructor(name: string, options?: { cause: unknown }) {
    super(
      'unavailable',
      'ServiceKeyMissing',
      `the service key ${name} does not exist yet, and this process may only read: start a worker (system role) first`,
      options,
    );
  }
}
