/**
 * What can go wrong, in the domain's words. Libraries below HTTP throw these; one filter in `#http` maps each category to
 * a status and a problem document (RFC 9457). `code` is stable and documented; `detail` is for people.
 */
export type ErrorCategory =
  | 'invalid' // 400
  | 'unauthenticated' // 401
  | 'forbidden' // 403
  | 'not-found' // 404
  | 'conflict' // 409
  | 'precondition-failed' // 412
  | 'too-large' // 413
  | 'unprocessable' // 422
  | 'precondition-required' // 428
  | 'rate-limited' // 429
  | 'unavailable' // 503
  | 'storage-full'; // 507

/** One thing wrong with one field: where (RFC 6901 pointer), which rule, in words, and how to mend it. */
export interface FieldError {
  pointer: string;
  rule: string;
  message: string;
  fix: string;
}

/** What stands in the way of a deletion, and how to remove it. Listed in a safe order. */
export interface Blocker {
  id: string;
  kind: string;
  fix: string;
}

export interface DomainErrorOptions {
  cause?: unknown;
  errors?: FieldError[];
  blockers?: Blocker[];
  /** Further members of the problem document. Never secrets, never another tenant's data. */
  extra?: Record<string, unknown>;
}

export class DomainError extends Error {
  readonly errors: FieldError[];
  readonly blockers: Blocker[];
  readonly extra: Record<string, unknown>;

  constructor(
    readonly category: ErrorCategory,
    readonly code: string,
    detail: string,
    options: DomainErrorOptions = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.errors = options.errors ?? [];
    this.blockers = options.blockers ?? [];
    this.extra = options.extra ?? {};
  }
}

/** The request is malformed or breaks a rule of a field. */
export class InvalidInputError extends DomainError {
  constructor(errors: FieldError[], detail?: string) {
    super('invalid', 'InvalidInput', detail ?? errors.map((e) => `${e.pointer || '/'}: ${e.message}`).join('; '), {
      errors,
    });
  }
}

/** Absent, or another tenant's: the two are answered with identical bytes. */
export class NotFoundError extends DomainError {
  constructor(kind: string, id: string) {
    super('not-found', 'NotFound', `There is no ${kind} ${id}.`);
  }
}

/** A resource that a body or a filter refers to is absent, or another tenant's. */
export class ReferenceNotFoundError extends DomainError {
  constructor(kind: string, id: string, pointer: string) {
    super('invalid', 'ReferenceNotFound', `There is no ${kind} ${id}.`, {
      errors: [
        {
          pointer,
          rule: 'reference.exists',
          message: `there is no ${kind} ${id}`,
          fix: `use the id of a ${kind} of yours`,
        },
      ],
    });
  }
}

export class ConflictError extends DomainError {
  constructor(code: string, detail: string, options?: DomainErrorOptions) {
    super('conflict', code, detail, options);
  }
}

/** A deletion is refused because other resources still use this one. */
export class DependencyViolationError extends DomainError {
  constructor(kind: string, id: string, blockers: Blocker[]) {
    super(
      'conflict',
      'DependencyViolation',
      `${kind} ${id} is still used by ${blockers.length} other resource(s); remove them in the order of "blockers", then try again.`,
      { blockers },
    );
  }
}

export class QuotaExceededError extends DomainError {
  constructor(quota: string, limit: number, used: number) {
    super('conflict', 'QuotaExceeded', `The quota ${quota} allows ${limit}, and ${used} are in use.`, {
      extra: { quota, limit, used },
      errors: [
        {
          pointer: '',
          rule: `quota.${quota}`,
          message: `${used} of ${limit} are in use`,
          fix: 'delete what is no longer needed, or ask the operator to raise the quota',
        },
      ],
    });
  }
}

export class ForbiddenError extends DomainError {
  constructor(permission: string) {
    super('forbidden', 'Forbidden', `This credential does not hold the permission ${permission}.`, {
      extra: { permission },
    });
  }
}

export class UnauthenticatedError extends DomainError {
  constructor(detail = 'A valid API key is needed: send "Authorization: Bearer fh_...".') {
    super('unauthenticated', 'Unauthenticated', detail);
  }
}
