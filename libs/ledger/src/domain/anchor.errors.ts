import { DomainError } from '#kernel';

/**
 * The chain has something else in place of what was anchored there, or the database no longer knows what was sent. Nothing
 * is sent until that is mended; writes go on, and the check is repeated.
 */
export class AnchoringBlockedError extends DomainError {
  constructor(detail: string) {
    super('unavailable', 'AnchoringBlocked', `Nothing is anchored: ${detail}.`);
  }
}
