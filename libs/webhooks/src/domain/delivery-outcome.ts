/** What became of one attempt, as the log of deliveries tells it. */
export interface Attempt {
  status: number | null;
  failure: AttemptFailure | null;
  durationMs: number;
}

/** Why an attempt failed: before a reply came, or by what the reply was. */
export type AttemptFailure =
  | 'refused' // its host leads to an address that may not be reached
  | 'dns'
  | 'connect'
  | 'tls'
  | 'timeout'
  | 'protocol'
  | 'redirect'
  | 'gone'
  | 'status';

/** What the way out says of a post (see #egress). */
type Posted = ({ status: number; retryAfterSeconds: number | null } | { failure: AttemptFailure }) & {
  durationMs: number;
};

/** Only a status of 200 to 299 is a delivery; 410 says that the receiver is gone for good. */
export function attemptOf(posted: Posted): Attempt {
  if ('failure' in posted) return { status: null, failure: posted.failure, durationMs: posted.durationMs };
  return { status: posted.status, failure: failureOf(posted.status), durationMs: posted.durationMs };
}

function failureOf(status: number): AttemptFailure | null {
  if (status >= 200 && status < 300) return null;
  if (status >= 300 && status < 400) return 'redirect';
  return status === 410 ? 'gone' : 'status';
}

export interface RetryRules {
  /** The pause after the first failure; each further one is twice as long. */
  firstRetryMs: number;
  /** After so long without a delivery a webhook is disabled. */
  giveUpMs: number;
}

const LONGEST_PAUSE_MS = 4 * 3_600_000;
/** Pauses are spread by so much to either side, so that webhooks that failed together do not come again together. */
const SPREAD = 0.2;

export type AfterFailure = { kind: 'retry'; inMs: number } | { kind: 'disable'; reason: 'gone' | 'failing' };

/**
 * What follows a failure.
 * @param failures of this message, this one included
 * @param failingForMs since the first of the failures that no delivery has interrupted
 * @param random from 0 up to 1
 */
export function afterFailure(
  failure: AttemptFailure,
  {
    failures,
    failingForMs,
    retryAfterSeconds,
  }: { failures: number; failingForMs: number; retryAfterSeconds: number | null },
  { firstRetryMs, giveUpMs }: RetryRules,
  random: number,
): AfterFailure {
  if (failure === 'gone') return { kind: 'disable', reason: 'gone' };
  if (failingForMs >= giveUpMs) return { kind: 'disable', reason: 'failing' };
  const pause = Math.min(firstRetryMs * 2 ** Math.min(failures - 1, 30), LONGEST_PAUSE_MS);
  const spread = pause * (1 - SPREAD + 2 * SPREAD * random);
  const asked = Math.min((retryAfterSeconds ?? 0) * 1000, LONGEST_PAUSE_MS);
  return { kind: 'retry', inMs: Math.round(Math.max(spread, asked)) };
}
