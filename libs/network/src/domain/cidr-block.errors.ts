import { ConflictError } from '#kernel';

export class CidrBlockOverlapError extends ConflictError {
  constructor(cidr: string, fix = 'use a block that overlaps none of the VPC, also none that is still being removed') {
    super('CidrBlockOverlap', `${cidr} overlaps another block of this VPC.`, {
      errors: [
        {
          pointer: '/cidrBlock',
          rule: 'vpc.block-overlap',
          message: `${cidr} overlaps another block of this VPC`,
          fix,
        },
      ],
    });
  }
}
