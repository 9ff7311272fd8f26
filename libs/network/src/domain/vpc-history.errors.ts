import { ConflictError, DomainError } from '#kernel';

/** It was not there at that point of the log. Only its owner is told: to others it does not exist at all. */
export class NotThenError extends DomainError {
  constructor(kind: string, id: string, index: number | null, reason: string) {
    super('not-found', 'NotThen', `There was no ${kind} ${id} ${placeOf(index)}: ${reason}.`, {
      extra: { asOfIndex: index },
    });
  }
}

const placeOf = (index: number | null) => (index === null ? 'up to now' : `behind index ${index} of the log`);

/** The entries that could say were erased, and nobody guesses. */
export class StateErasedError extends ConflictError {
  constructor(kind: string, id: string, index: number | null, erased: readonly { id: string }[]) {
    super(
      'StateErased',
      `Whether there was a ${kind} ${id} ${placeOf(index)} cannot be known: ${erased.length} of the entries that could say were erased.`,
      { extra: { erasedEntries: erased.map((entry) => entry.id) } },
    );
  }
}
