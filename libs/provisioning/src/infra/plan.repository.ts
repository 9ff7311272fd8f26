import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import { NB_TABLES, type NbRow } from '#ovn';
import type { VpcTransition } from '../domain/network-driver.js';

export interface StoredPlan {
  cell: string;
  generation: number;
  digest: Uint8Array;
  plannedAt: Date;
  rows: NbRow[];
}

interface PlanRow {
  cell: string;
  generation: string;
  digest: Buffer;
  planned_at: Date;
  rows: NbRow[];
}

@Injectable()
export class PlanRepository {
  /** One snapshot, the rows in the order in which they were rendered; null when there is no plan that this role may see. */
  async find(tx: Tx, vpcId: string): Promise<StoredPlan | null> {
    const [plan] = await tx.query<PlanRow>(
      `SELECT cell, generation, digest, planned_at,
              coalesce((SELECT json_agg(json_build_object('table', r.table_name, 'uuidName', r.uuid_name, 'columns', r.columns)
                                        ORDER BY array_position($2::text[], r.table_name), r.uuid_name COLLATE "C")
                          FROM vpc_plan_row r WHERE r.vpc_id = p.vpc_id), '[]'::json) AS rows
         FROM vpc_plan p WHERE p.vpc_id = $1`,
      [vpcId, [...NB_TABLES]],
    );
    if (!plan) return null;
    const { cell, generation, digest, planned_at: plannedAt, rows } = plan;
    return { cell, generation: Number(generation), digest, plannedAt, rows };
  }

  /** Moves the plan's head from the generation it was observed at; false when another was quicker. */
  async move(tx: Tx, cell: string, digest: Uint8Array, { tenantId, vpcId, from, to }: VpcTransition): Promise<boolean> {
    const moved =
      from === null
        ? await tx.execute(
            `INSERT INTO vpc_plan (tenant_id, vpc_id, cell, generation, digest) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (vpc_id) DO NOTHING`,
            [tenantId, vpcId, cell, to, digest],
          )
        : await tx.execute(
            `UPDATE vpc_plan SET cell = $2, generation = $3, digest = $4, planned_at = now()
              WHERE vpc_id = $1 AND generation = $5`,
            [vpcId, cell, to, digest, from],
          );
    return moved === 1;
  }

  async change(tx: Tx, { tenantId, vpcId, change }: VpcTransition): Promise<void> {
    const { adds, changes, removes } = change;
    if (removes.length > 0) {
      await tx.execute(
        `DELETE FROM vpc_plan_row r USING unnest($2::text[], $3::text[]) AS gone (table_name, uuid_name)
          WHERE r.vpc_id = $1 AND r.table_name = gone.table_name AND r.uuid_name = gone.uuid_name`,
        [vpcId, removes.map((row) => row.table), removes.map((row) => row.uuidName)],
      );
    }
    const written = [...adds, ...changes];
    if (written.length === 0) return;
    await tx.execute(
      `INSERT INTO vpc_plan_row (tenant_id, vpc_id, table_name, uuid_name, columns)
       SELECT $1, $2, row.* FROM unnest($3::text[], $4::text[], $5::json[]) AS row
       ON CONFLICT (vpc_id, table_name, uuid_name) DO UPDATE SET columns = excluded.columns`,
      [
        tenantId,
        vpcId,
        written.map((row) => row.table),
        written.map((row) => row.uuidName),
        written.map((row) => JSON.stringify(row.columns)),
      ],
    );
  }
}
