import { ConflictError } from '#kernel';

export class SubnetOverlapError extends ConflictError {
  constructor(
    private readonly pointer: string,
    readonly cidr: string,
    fix = 'use a block that overlaps no other subnet of the VPC',
  ) {
    super('SubnetOverlap', `${cidr} overlaps another subnet of the VPC.`, {
      errors: [{ pointer, rule: 'subnet.block-overlap', message: `${cidr} overlaps another subnet of the VPC`, fix }],
    });
  }

  /** The same error with a better fix. */
  withFix(fix: string): SubnetOverlapError {
    return new SubnetOverlapError(this.pointer, this.cidr, fix);
  }
}
