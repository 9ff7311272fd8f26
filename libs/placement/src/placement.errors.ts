import { ConflictError } from '#kernel';

/** There are fewer failure domains, in use by the stripe or with an active node, than its shards need: one each. */
export class TooFewFailureDomainsError extends ConflictError {
  constructor(
    readonly available: number,
    readonly needed: number,
  ) {
    super(
      'TooFewFailureDomains',
      `${needed} shards need a failure domain each; ${available} hold one of them or have an active storage node.`,
      {
        extra: { available, needed },
        errors: [
          {
            pointer: '/failureDomain',
            rule: 'placement.domains',
            message: `${available} of ${needed} failure domains are available`,
            fix:
              `register or reactivate storage nodes in ${needed - available} more failure domains, ` +
              'or use a storage class that allows fewer and so survives fewer losses',
          },
        ],
      },
    );
  }
}

/** No storage node takes shards at all. */
export class NoActiveNodeError extends ConflictError {
  constructor() {
    super('NoActiveStorageNode', 'No storage node is active.', {
      errors: [
        {
          pointer: '/nodes',
          rule: 'placement.active',
          message: 'every storage node is draining, offline or missing',
          fix: 'register a storage node or set one active',
        },
      ],
    });
  }
}
