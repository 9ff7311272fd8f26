import { hostname } from 'node:os';
import { types } from 'node:util';
import { type DestinationStream, type Logger as PinoLogger, pino, stdTimeFunctions } from 'pino';
import { REDACTED_PATHS, scrub } from './redaction.js';

export type Logger = PinoLogger;

export interface LoggerOptions {
  /** The process that writes: api, worker, data, stack. */
  process: string;
  level: string;
  /** Where the lines go; standard output by default. */
  destination?: DestinationStream;
}

const MAX_CAUSES = 8;

interface LoggedError {
  type: string;
  message: string;
  code?: unknown;
  stack?: string;
  cause?: LoggedError;
}

/**
 * An error as it is logged: what it is, where, and what caused it. Not its other members: a database error carries the
 * statement's values, which may be a tenant's data.
 */
export function loggedError(error: unknown, depth = 0): LoggedError {
  if (!types.isNativeError(error) && !(error instanceof Error))
    return { type: typeof error, message: 'something that is no Error was thrown' };
  const { code, cause } = error as Error & { code?: unknown };
  return {
    type: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    stack: error.stack,
    ...(cause === undefined || depth >= MAX_CAUSES ? {} : { cause: loggedError(cause, depth + 1) }),
  };
}

/** One JSON object a line, times in RFC 3339, errors under `err`, request ids under `requestId`; secrets blotted out. */
export function createLogger({ process: name, level, destination }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base: { process: name, pid: process.pid, host: hostname() },
      timestamp: stdTimeFunctions.isoTime,
      messageKey: 'message',
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (error: unknown) => loggedError(error) },
      redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
      hooks: { streamWrite: scrub },
    },
    destination ?? pino.destination({ dest: 1, sync: true }),
  );
}
