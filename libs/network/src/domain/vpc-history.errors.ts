import { ConflictError, DomainError } from '#kernel';

/** It was not there at that point of the log. Only its owner is told: to others it does not exist at all. */
export class NotThenError extends DomainError {
  constructor(
    kind: string,
    id: string,
    index: number,
    why: { goneWith: string } | { knownSince: { id: string; index: number } | null },
  ) {
    const reason =
      'goneWith' in why
        ? `it went with ${why.goneWith}`
        : why.knownSince && why.knownSince.index > index
          ? `its VPC's first entry is ${why.knownSince.id} at index ${why.knownSince.index}`
          : 'it was created later, or never';
    super('not-found', 'NotThen', `There was no ${kind} ${id} behind index ${index} of the log: ${reason}.`, {
      extra: { asOfIndex: index },
    });
  }
}

/** The entries that could say were erased, and nobody guesses. */
export class StateErasedError extends ConflictError {
  constructor(kind: string, id: string, index: number, erased: readonly { id: string; index: number }[]) {
    super(
      'StateErased',
      `Whether there was a ${kind} ${id} behind index ${index} of the log cannot be known: ${erased.length} of the entries that could say were erased.`,
      { extra: { erasedEntries: erased.map((entry) => entry.id) } },
    );
  }
}
