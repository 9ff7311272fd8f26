import { DomainError } from '#kernel';

/** The chain's endpoint does not answer, answers garbage or times out. Nothing is lost: what was to be sent is sent again. */
export class ChainUnavailableError extends DomainError {
  constructor(detail: string, cause: unknown) {
    super('unavailable', 'ChainUnavailable', detail, { cause });
  }
}

/** The chain refuses a transaction for what it is: sending the same bytes again cannot help. */
export class TransactionRefusedError extends DomainError {
  /** @param answer What the node said. */
  constructor(
    readonly hash: string,
    readonly answer: string,
  ) {
    super('unavailable', 'TransactionRefused', `The chain refuses transaction ${hash}: ${answer}`);
  }
}
