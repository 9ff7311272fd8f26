import { DomainError } from '#kernel';
import { EXIT, type ExitCode } from './exit-codes.js';

/** The command line is wrong; the message says how to mend it. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** No credential is at hand for the API that was named. */
export class CredentialMissingError extends DomainError {
  constructor(url: string) {
    super(
      'unauthenticated',
      'NoCredential',
      `There is no API key for ${url}: set FREEHOLD_API_KEY, or keep one with "freehold login".`,
    );
  }
}

/** What was checked does not hold. Its report has been printed already. */
export class VerificationFailedError extends Error {
  override name = 'VerificationFailedError';

  constructor(
    message: string,
    readonly exitCode: ExitCode = EXIT.verification,
  ) {
    super(message);
  }
}

/** A wait came to its end before what it waited for was there. */
export class WaitEndedError extends DomainError {
  constructor(what: string, seconds: number) {
    super('unavailable', 'WaitEnded', `${what} did not happen within ${seconds} s; try again, or wait longer.`);
  }
}
