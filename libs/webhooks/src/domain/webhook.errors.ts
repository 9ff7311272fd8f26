import { InvalidInputError } from '#kernel';

/** A replay can begin at an entry that is there, or right behind the newest one. */
export class ReplayBeyondEndError extends InvalidInputError {
  constructor(fromSeq: number, newest: number) {
    super([
      {
        pointer: '/fromSeq',
        rule: 'replay.published',
        message: `there is no entry ${fromSeq}, the newest one is ${newest}`,
        fix: `use a number from 1 to ${newest + 1}; ${newest + 1} leaves out what was not delivered yet`,
      },
    ]);
  }
}

/** Only entries have a number to begin at. */
export class ReplayOfCheckpointsError extends InvalidInputError {
  constructor() {
    super([
      {
        pointer: '/fromSeq',
        rule: 'replay.entries',
        message: 'this webhook is told of checkpoints only, of which the newest is sent',
        fix: 'add ledger.entry to its events first',
      },
    ]);
  }
}
