import { ConflictError } from '#kernel';

export class SubnetOverlapError extends ConflictError {
  constructor(pointer: string, cidr: string, fix = 'use a block that overlaps no other subnet of the VPC') {
    super('SubnetOverlap', `${cidr} overlaps another subnet of the VPC.`, {
      errors: [{ pointer, rule: 'subnet.block-overlap', message: `${cidr} overlaps another subnet of the VPC`, fix }],
    });
  }
}
