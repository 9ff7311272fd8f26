import { ConflictError } from '#kernel';

/** An elastic IP serves one gateway at a time, also while that gateway is being deleted. */
export class ElasticIpInUseError extends ConflictError {
  constructor(id: string, holder = 'another NAT gateway') {
    super('ElasticIpInUse', `${id} is held by ${holder}.`, {
      errors: [
        {
          pointer: '/elasticIpId',
          rule: 'elastic-ip.one-user',
          message: `it is held by ${holder}`,
          fix: 'use another elastic IP; one whose gateway was deleted is free again when that is realised',
        },
      ],
    });
  }
}

/** The operator's pools are used up. */
export class InsufficientAddressCapacityError extends ConflictError {
  constructor() {
    super(
      'InsufficientAddressCapacity',
      'No public address is free at the moment. Release one you no longer need, or ask the operator for a further address pool.',
    );
  }
}
