import { ConflictError, DomainError } from '#kernel';

/** What the `pg` driver puts on an error that PostgreSQL reported. */
export interface PostgresError extends Error {
  code: string;
  constraint?: string;
}

const POSTGRES_ERROR_CODE = /^[0-9A-Z]{5}$/;

/** The error, what wraps a driver's error hides (TypeORM's `driverError`), and its causes, outermost first. */
function* chainOf(error: unknown): Iterable<{ code?: unknown; message?: string }> {
  const seen = new Set<unknown>();
  for (let current = error; typeof current === 'object' && current !== null && !seen.has(current); ) {
    seen.add(current);
    yield current;
    const { driverError, cause } = current as { driverError?: unknown; cause?: unknown };
    current = driverError ?? cause;
  }
}

/** PostgreSQL's own error, whatever wraps it. */
export function postgresErrorOf(error: unknown): PostgresError | null {
  for (const link of chainOf(error)) {
    if (typeof link.code === 'string' && POSTGRES_ERROR_CODE.test(link.code)) return link as PostgresError;
  }
  return null;
}

const CONNECTION_LOST = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND']);
const CONNECTION_LOST_STATES = /^(08|57P)/;
const CONNECTION_LOST_MESSAGES =
  /Connection terminated|Client has encountered a connection error|not queryable|timeout exceeded when trying to connect/;

/** True when the server went away or never was there: nothing is known about a statement that was under way. */
export function isConnectionLost(error: unknown): boolean {
  for (const { code, message } of chainOf(error)) {
    if (typeof code === 'string' && (CONNECTION_LOST.has(code) || CONNECTION_LOST_STATES.test(code))) return true;
    if (typeof message === 'string' && CONNECTION_LOST_MESSAGES.test(message)) return true;
  }
  return false;
}

/** Serialization failure and deadlock: PostgreSQL rolled back and asks for the whole transaction again. */
export function isTransient(error: unknown): boolean {
  const code = postgresErrorOf(error)?.code;
  return code === '40001' || code === '40P01';
}

/**
 * Turns the violation of a named constraint into the domain error that the caller names for it, and gives back any other
 * error. The database's own detail is dropped: it can hold another tenant's values.
 */
export function translation(constraints: Record<string, () => DomainError>): (error: unknown) => unknown {
  return (error) => {
    const constraint = postgresErrorOf(error)?.constraint;
    return (constraint === undefined ? undefined : constraints[constraint]?.()) ?? error;
  };
}

/** Runs a statement and translates what it breaks (see `translation`). */
export async function translating<T>(
  constraints: Record<string, () => DomainError>,
  statement: () => Promise<T>,
): Promise<T> {
  try {
    return await statement();
  } catch (error) {
    throw translation(constraints)(error);
  }
}

/** The domain error for what is left when no repository translated it, or null when it is a defect of ours. */
export function domainErrorFor(error: unknown): DomainError | null {
  if (error instanceof DomainError) return error;
  if (isConnectionLost(error)) {
    return new DomainError('unavailable', 'DatabaseUnavailable', 'The database cannot be reached; try again.', {
      cause: error,
    });
  }
  const code = postgresErrorOf(error)?.code;
  switch (code) {
    case '40001':
    case '40P01':
    case '55P03':
    case '57014':
      return new DomainError(
        'unavailable',
        'Contention',
        'Too many changes to the same resources at once; try again.',
        { cause: error },
      );
    case '53100':
    case '53200':
      return new DomainError('storage-full', 'StorageFull', 'The database has no space left; nothing was changed.', {
        cause: error,
      });
    case '53300':
      return new DomainError(
        'unavailable',
        'TooManyConnections',
        'The database accepts no more connections; try again.',
        { cause: error },
      );
    case '23505':
    case '23P01':
      return new ConflictError(
        'Conflict',
        'The change collides with one made at the same time; read the resource and try again.',
        { cause: error },
      );
    case '23503':
      return new ConflictError('Conflict', 'A resource that the change refers to was removed at the same time.', {
        cause: error,
      });
    default:
      return null;
  }
}
