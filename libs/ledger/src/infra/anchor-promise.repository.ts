import { Injectable } from '@nestjs/common';
import type { Hex } from '#chain';
import type { Tx } from '#database';
import type { AnchorPromise } from '#proof';
import { bytesOf, hexOf } from './anchor-hex.js';

/** A published head that no promise and no final anchor covers yet. */
export interface UnpromisedHead {
  size: number;
  root: Hex;
  note: string;
}

/** The anchorer's side of the promises. */
@Injectable()
export class AnchorPromiseRepository {
  /** The newest heads beyond what is promised or final, by size, and the database's time in Unix seconds. */
  async unpromised(tx: Tx, deploymentId: string, limit: number): Promise<{ heads: UnpromisedHead[]; now: number }> {
    const rows = await tx.query<{ size: number; root: Buffer; note: string; now: number }>(
      `SELECT size::float8 AS size, root, note, floor(extract(epoch FROM clock_timestamp()))::float8 AS now
         FROM ledger_checkpoint
        WHERE size > greatest(
                (SELECT coalesce(max(size), 0) FROM anchor_promise WHERE deployment_id = $1),
                (SELECT coalesce(max(size), 0) FROM anchor WHERE deployment_id = $1 AND state = 'final'))
        ORDER BY size DESC LIMIT $2`,
      [deploymentId, limit],
    );
    const heads = rows.map(({ size, root, note }) => ({ size, root: hexOf(root), note })).reverse();
    return { heads, now: rows[0]?.now ?? 0 };
  }

  async insert(tx: Tx, deploymentId: string, promises: readonly AnchorPromise[]): Promise<void> {
    await tx.execute(
      `INSERT INTO anchor_promise (deployment_id, size, root, deadline, signer, signature)
       SELECT $1, * FROM unnest($2::bigint[], $3::bytea[], $4::bigint[], $5::text[], $6::bytea[])
       ON CONFLICT DO NOTHING`,
      [
        deploymentId,
        promises.map(({ size }) => size),
        promises.map(({ root }) => Buffer.from(root, 'hex')),
        promises.map(({ deadline }) => deadline),
        promises.map(({ signer }) => signer),
        promises.map(({ signature }) => bytesOf(signature as Hex)),
      ],
    );
  }

  /** Promises that a final anchor has kept, and wishes for an anchor that it fulfilled. */
  async forgetKept(tx: Tx, deploymentId: string): Promise<void> {
    await tx.execute(
      `WITH kept AS (SELECT max(size) AS size FROM anchor WHERE deployment_id = $1 AND state = 'final'),
            fulfilled AS (
              DELETE FROM anchor_request r USING ledger_leaf l, kept
               WHERE l.tenant_id = r.tenant_id AND l.entry_id = r.entry_id AND l.leaf_index < kept.size
            )
       DELETE FROM anchor_promise p USING kept WHERE p.deployment_id = $1 AND p.size <= kept.size`,
      [deploymentId],
    );
  }
}
