import { ConflictError, DomainError } from '#kernel';

/** The body of a change's entry is too long to be recorded, and what is not recorded does not happen. */
export class EntryTooLargeError extends DomainError {
  constructor(limit: number) {
    super('too-large', 'LedgerEntryTooLarge', `The record of this change would be longer than ${limit} bytes.`);
  }
}

/** A change was made for a tenant that has no chain: whoever made the tenant has not opened one. */
export class ChainMissingError extends DomainError {
  constructor(tenantId: string) {
    super('unavailable', 'LedgerChainMissing', `The tenant ${tenantId} has no ledger chain; nothing was changed.`);
  }
}

/**
 * The drawn entry id was taken. Carries the SQLSTATE that makes the unit of work run the whole transaction again, because
 * the promise for the id has been signed already.
 */
export class EntryIdTakenError extends Error {
  override name = 'EntryIdTakenError';
  readonly code = '40001';
  constructor(options: { cause: unknown }) {
    super('the id of a ledger entry was drawn twice', options);
  }
}

/**
 * The database does not continue what was published: it was restored from an older copy, or rewritten. Nothing is signed
 * until an operator has decided; a second history would be proof against them.
 */
export class LogRolledBackError extends DomainError {
  constructor(detail: string) {
    super('unavailable', 'LogRolledBack', `The ledger is stopped and signs nothing: ${detail}.`);
  }
}

/** What is stored does not hash to what was computed from it: memory, disk or somebody changed it. */
export class LogCorruptError extends DomainError {
  constructor(detail: string) {
    super('unavailable', 'LogCorrupt', `The ledger is stopped and signs nothing: ${detail}.`);
  }
}

/** The entry is committed, and the log has not published a checkpoint that covers it yet. */
export class ReceiptNotReadyError extends ConflictError {
  constructor(entryId: string) {
    super(
      'ReceiptNotReady',
      `${entryId} is recorded and will be in the log before its promise ends; ask for the receipt again in a moment.`,
    );
  }
}

/** The last change of the log's key is recorded, and its entry is not in the log yet. */
export class LogKeyRotationPendingError extends ConflictError {
  constructor() {
    super(
      'LogKeyRotationPending',
      'The last rotation is recorded and not in the log yet, so which key signs is not settled; ask again in a moment.',
    );
  }
}

/** Nothing has been published yet. */
export class LogEmptyError extends ConflictError {
  constructor() {
    super('LogEmpty', 'The log has not published a checkpoint yet; ask again in a moment.');
  }
}

/** No checkpoint has the cosignatures of enough witnesses. */
export class NotWitnessedError extends ConflictError {
  constructor() {
    super('NotWitnessed', 'No checkpoint has been cosigned by enough witnesses yet; GET /v1/log/witnesses says why.');
  }
}

/** What the entry said is gone for good; that it was there, and where, can still be proven. */
export class EntryErasedError extends ConflictError {
  constructor(entries: readonly { id: string; erasedBy: string | null }[], pointer?: string) {
    const names = entries
      .map(({ id, erasedBy }) => `${id} was erased${erasedBy ? ` (${erasedBy} says so)` : ''}`)
      .join(', ');
    const erased = entries.map(({ id, erasedBy }) => ({ id, erasedBy }));
    super('EntryErased', `${names}: its body and salt are gone, and nothing brings them back.`, {
      extra: { erased },
      errors: entries.map(({ id }) => ({
        pointer: pointer ?? '',
        rule: 'entry.not-erased',
        message: `${id} was erased`,
        fix: pointer === undefined ? 'use the audit bundle: it proves the place of an erased entry' : `leave ${id} out`,
      })),
    });
  }
}

/** The proofs of other entries stand on this one. */
export class EntryNotErasableError extends ConflictError {
  constructor(id: string, action: string) {
    const message = `${id} is ${action}, and the proofs of other entries stand on it`;
    super('EntryNotErasable', `${message}; it cannot be erased.`, {
      extra: { action },
      errors: [
        {
          pointer: '',
          rule: 'entry.erasable',
          message,
          fix: 'erase the entries of the change that you want to be forgotten; entries of genesis, keys, signature policies, erasures, disclosures and break-glass reads stay',
        },
      ],
    });
  }
}

/** A point of the log was named by an entry that is not in it yet. */
export class EntryNotInLogError extends ConflictError {
  constructor(entryId: string) {
    super(
      'EntryNotInLog',
      `${entryId} is recorded and will be in the log before its promise ends; ask again in a moment.`,
    );
  }
}

/** There is no evidence of a signed request that could be erased. */
export class NoEvidenceError extends ConflictError {
  constructor(id: string, signed: boolean) {
    const message = signed ? 'its evidence was erased already' : 'nobody signed the request that made it';
    super('NoEvidence', `There is no evidence of ${id} to erase: ${message}.`, {
      errors: [
        {
          pointer: '/scope',
          rule: 'erasure.evidence',
          message,
          fix: 'use the scope body to erase what the entry says',
        },
      ],
    });
  }
}
