import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import { type Cidr, parseCidr } from '#ip';

/** What a tenant may know of the operator's pools: the ranges that blocks of VPCs may come from. */
@Injectable()
export class PoolRangeRepository {
  /** Their pools cannot be deleted before the transaction ends. */
  async vpcRanges(tx: Tx): Promise<Cidr[]> {
    const rows = await tx.query<{ range: string }>('SELECT crosstenant.vpc_pool_ranges() AS range');
    return rows.map(({ range }) => parseCidr(range));
  }
}
