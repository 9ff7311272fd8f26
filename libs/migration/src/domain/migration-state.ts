/**
 * The life of a migration, as one table. `draft` has been announced; `scanning` reads the source; `copying` uploads the
 * first version of a dataset and `syncing` a later one; `verifying` has its signed manifest and waits for every segment to
 * be placed; `ready` is in the ledger. `paused` and `failed` are reached from anywhere before that.
 */
import { ConflictError, type MigrationId } from '#kernel';

export const MIGRATION_STATES = [
  'draft',
  'scanning',
  'copying',
  'syncing',
  'verifying',
  'ready',
  'cutover',
  'integrated',
  'finalized',
  'paused',
  'failed',
] as const;
export type MigrationState = (typeof MIGRATION_STATES)[number];

export type MigrationEvent = 'start' | 'copy' | 'sync' | 'submit' | 'commit' | 'pause' | 'fail';

const TRANSITIONS: Record<MigrationState, Partial<Record<MigrationEvent, MigrationState>>> = {
  draft: { start: 'scanning', pause: 'paused', fail: 'failed' },
  scanning: { copy: 'copying', sync: 'syncing', submit: 'verifying', pause: 'paused', fail: 'failed' },
  copying: { copy: 'copying', submit: 'verifying', pause: 'paused', fail: 'failed' },
  syncing: { sync: 'syncing', submit: 'verifying', pause: 'paused', fail: 'failed' },
  // A segment that was lost before it was placed is uploaded again.
  verifying: { copy: 'copying', sync: 'syncing', commit: 'ready', pause: 'paused', fail: 'failed' },
  paused: { fail: 'failed' },
  ready: {},
  cutover: {},
  integrated: {},
  finalized: {},
  failed: {},
};

/** The state after an event. @throws ConflictError `MigrationState` naming what is possible instead */
export function afterEvent(id: MigrationId, state: MigrationState, event: MigrationEvent): MigrationState {
  const next = TRANSITIONS[state][event];
  if (next) return next;
  const possible = Object.keys(TRANSITIONS[state]);
  throw new ConflictError(
    'MigrationState',
    `The migration ${id} is ${state}; ${event} is not possible${
      state === 'paused' ? ' until it is resumed' : possible.length === 0 ? ' any more' : ''
    }.`,
    { extra: { state, possible } },
  );
}

/** True while the migration may still change its dataset. */
export function isActive(state: MigrationState): boolean {
  return Object.keys(TRANSITIONS[state]).length > 0;
}

/** True while the client may announce and upload segments. */
export function takesSegments(state: MigrationState): boolean {
  return ['scanning', 'copying', 'syncing', 'verifying'].includes(state);
}
