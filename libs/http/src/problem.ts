import { DomainError, type ErrorCategory } from '#kernel';

const STATUS: Record<ErrorCategory, number> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'precondition-failed': 412,
  'too-large': 413,
  unprocessable: 422,
  'precondition-required': 428,
  'rate-limited': 429,
  unavailable: 503,
  'storage-full': 507,
};

const TITLES: Record<number, string> = {
  400: 'The request is not valid',
  401: 'Authentication is needed',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  408: 'The request took too long',
  409: 'Conflict',
  412: 'The resource has changed',
  413: 'The request is too large',
  414: 'The address is too long',
  415: 'The media type is not supported',
  422: 'The request cannot be processed',
  428: 'A condition is needed',
  429: 'Too many requests',
  431: 'The headers are too large',
  500: 'A defect of ours',
  503: 'Not available at the moment',
  507: 'No space left',
};

/** A problem document (RFC 9457) with Freehold's stable `code`. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  code: string;
  requestId: string;
  [member: string]: unknown;
}

interface Occurrence {
  instance: string;
  requestId: string;
}

export function problem(status: number, code: string, detail: string, at: Occurrence): Problem {
  return {
    type: `https://freehold.example/problems/${code}`,
    title: TITLES[status] ?? 'Problem',
    status,
    detail,
    instance: at.instance,
    code,
    requestId: at.requestId,
  };
}

export function problemOf(error: DomainError, at: Occurrence): Problem {
  return {
    ...problem(STATUS[error.category], error.code, error.message, at),
    ...(error.errors.length > 0 ? { errors: error.errors } : {}),
    ...(error.blockers.length > 0 ? { blockers: error.blockers } : {}),
    ...error.extra,
  };
}
