import { ConflictError } from '#kernel';

/**
 * A client says that it has seen more than there is. The log never shrinks, so either the client has mistaken another log
 * for this one, or the service was put back: then what the client holds is evidence.
 */
export class AheadOfLogError extends ConflictError {
  constructor(seen: number, newest: number) {
    super('AheadOfLog', `You have seen ${seen}, and the newest that is published is ${newest}.`, {
      errors: [
        {
          pointer: '/query/after',
          rule: 'after.published',
          message: `nothing with the number ${seen} has been published`,
          fix: `go on from ${newest} or less; if you did see ${seen} here, keep its checkpoint: it proves that entries are gone`,
        },
      ],
    });
  }
}
