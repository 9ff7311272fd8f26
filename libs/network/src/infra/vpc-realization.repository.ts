import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import type { Realization } from './vpc.entity.js';

export interface ReachedGeneration {
  tenantId: string;
  /** The VPC itself was to go, and the data plane has let go of it. */
  vpcIsGone: boolean;
  /** Something in the VPC waits for this or an earlier generation to be removed. */
  leftovers: boolean;
}

/** Tables of what lives in a VPC and is deleted in two steps. */
const TWO_STEP = ['subnet', 'vpc_cidr_block', 'route_table', 'nat_gateway', 'vpn_connection'];
const DETACHABLE = ['internet_gateway', 'vpn_gateway'];

const leftovers = [
  ...TWO_STEP.map((table) => ({ table, mark: 'deleting' })),
  ...DETACHABLE.map((table) => ({ table, mark: 'detaching' })),
]
  .map(
    ({ table, mark }) =>
      `EXISTS (SELECT 1 FROM ${table} x WHERE x.tenant_id = vpc.tenant_id AND x.vpc_id = vpc.id
                  AND x.${mark} AND x.changed_generation <= $2)`,
  )
  .join(' OR ');

@Injectable()
export class VpcRealizationRepository {
  /** Locks the VPC's row, so that what is purged next cannot be changed at the same time. */
  async moveTo(
    tx: Tx,
    vpcId: string,
    generation: number,
    realization: Realization,
  ): Promise<ReachedGeneration | undefined> {
    const [reached] = await tx.query<ReachedGeneration>(
      `UPDATE vpc SET realized_generation = $2, realization = $3, failure = NULL
        WHERE id = $1 AND generation >= $2
          AND (realized_generation < $2 OR (realized_generation = $2 AND (failure IS NOT NULL OR realization <> $3)))
        RETURNING tenant_id AS "tenantId", deleting AND changed_generation <= $2 AS "vpcIsGone", (${leftovers}) AS leftovers`,
      [vpcId, generation, realization],
    );
    return reached;
  }

  async fail(tx: Tx, vpcId: string, generation: number, reason: string): Promise<void> {
    await tx.execute('UPDATE vpc SET failure = $3 WHERE id = $1 AND generation >= $2 AND realized_generation < $2', [
      vpcId,
      generation,
      reason,
    ]);
  }

  async unrealized(tx: Tx, { limit, after }: { limit: number; after?: string }): Promise<string[]> {
    const rows = await tx.query<{ id: string }>(
      'SELECT id FROM vpc WHERE realized_generation < generation AND id > $1 ORDER BY id LIMIT $2',
      [after ?? '', limit],
    );
    return rows.map(({ id }) => id);
  }
}
