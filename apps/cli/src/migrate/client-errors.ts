import { DomainError } from '#kernel';

/** What the API or the data process refused, as its problem document says it. */
export class RemoteProblem extends DomainError {
  constructor(
    readonly status: number,
    code: string,
    detail: string,
    extra: Record<string, unknown> = {},
  ) {
    super(categoryOf(status), code, detail, { extra });
  }
}

function categoryOf(status: number): DomainError['category'] {
  const known: Record<number, DomainError['category']> = {
    401: 'unauthenticated',
    403: 'forbidden',
    404: 'not-found',
    409: 'conflict',
    412: 'precondition-failed',
    413: 'too-large',
    422: 'unprocessable',
    428: 'precondition-required',
    429: 'rate-limited',
    503: 'unavailable',
    507: 'storage-full',
  };
  return known[status] ?? (status >= 500 ? 'unavailable' : 'invalid');
}

/** The other side cannot be reached, or went away in the middle; what was under way may or may not have happened. */
export class ConnectionFailed extends DomainError {
  constructor(url: string, cause: unknown) {
    super('unavailable', 'ConnectionFailed', `${new URL(url).origin} cannot be reached: ${reasonOf(cause)}.`, {
      cause,
    });
  }
}

function reasonOf(cause: unknown): string {
  for (let error = cause; error instanceof Error; error = error.cause) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code) return code;
  }
  return cause instanceof Error ? cause.message : 'unknown';
}

/** The source cannot be read as a whole: what was moved would not be what is there. */
export class SourceUnreadableError extends DomainError {
  constructor(path: string, why: string, fix: string) {
    super('unprocessable', 'SourceUnreadable', `${path}: ${why}; ${fix}.`);
  }
}
