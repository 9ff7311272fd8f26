import { ConflictError, newId } from '#kernel';
import {
  afterEvent,
  isActive,
  MIGRATION_STATES,
  type MigrationEvent,
  type MigrationState,
  takesSegments,
} from './migration-state.js';

const id = newId('migration');
const EVENTS: MigrationEvent[] = ['start', 'copy', 'sync', 'submit', 'commit', 'pause', 'fail'];

function follow(...events: MigrationEvent[]): MigrationState {
  return events.reduce<MigrationState>((state, event) => afterEvent(id, state, event), 'draft');
}

describe('the life of a migration', () => {
  it('goes from draft to ready, for a first version and for a later one', () => {
    expect(follow('start', 'copy', 'copy', 'submit', 'commit')).toBe('ready');
    expect(follow('start', 'sync', 'submit', 'commit')).toBe('ready');
    expect(follow('start', 'submit', 'commit')).toBe('ready');
  });

  it('goes back to copying when a segment was lost before it was placed', () => {
    expect(follow('start', 'copy', 'submit', 'copy', 'submit', 'commit')).toBe('ready');
  });

  it('never skips the verification, and never leaves an end', () => {
    for (const state of MIGRATION_STATES) {
      if (state !== 'verifying') expect(() => afterEvent(id, state, 'commit')).toThrow(ConflictError);
    }
    for (const end of ['ready', 'cutover', 'integrated', 'finalized', 'failed'] as const) {
      for (const event of EVENTS) expect(() => afterEvent(id, end, event)).toThrow(/any more/);
      expect(isActive(end)).toBe(false);
    }
  });

  it('can be paused and given up from wherever it is under way', () => {
    for (const state of ['draft', 'scanning', 'copying', 'syncing', 'verifying'] as const) {
      expect(afterEvent(id, state, 'pause')).toBe('paused');
      expect(afterEvent(id, state, 'fail')).toBe('failed');
      expect(isActive(state)).toBe(true);
    }
    expect(afterEvent(id, 'paused', 'fail')).toBe('failed');
    expect(() => afterEvent(id, 'paused', 'copy')).toThrow(/until it is resumed/);
    expect(takesSegments('paused')).toBe(false);
  });

  it('says what is possible instead', () => {
    try {
      afterEvent(id, 'draft', 'submit');
      throw new Error('accepted');
    } catch (error) {
      expect(error).toMatchObject({
        code: 'MigrationState',
        extra: { state: 'draft', possible: ['start', 'pause', 'fail'] },
      });
    }
  });
});
