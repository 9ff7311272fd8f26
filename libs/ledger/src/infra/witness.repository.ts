import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import type { Cosignature } from '#merkle';
import type { WitnessSetting, WitnessStanding } from '../domain/witness.js';

/** A cosignature with whose it is. */
export interface WitnessLine extends Cosignature {
  vkey: string;
}

/** The worker's side of the witnesses' tables. */
@Injectable()
export class WitnessRepository {
  /** Makes the settings known to everybody. Witnesses that they no longer name stay, with what they signed. */
  async configure(
    tx: Tx,
    witnesses: readonly (WitnessSetting & { name: string })[],
    policy: { threshold: number; required: boolean },
  ): Promise<void> {
    await tx.execute(
      `UPDATE ledger_witness_policy SET threshold = $1, required = $2, changed_at = now()
        WHERE (threshold, required) IS DISTINCT FROM ($1, $2)`,
      [policy.threshold, policy.required],
    );
    const vkeys = witnesses.map(({ vkey }) => vkey);
    await tx.execute('UPDATE ledger_witness SET active = false WHERE active AND vkey <> ALL($1::text[])', [vkeys]);
    await tx.execute(
      `INSERT INTO ledger_witness (vkey, name, url, position)
       SELECT w.vkey, w.name, w.url, w.position
         FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS w (vkey, name, url, position)
       ON CONFLICT (vkey) DO UPDATE SET url = excluded.url, position = excluded.position, active = true`,
      [vkeys, witnesses.map(({ name }) => name), witnesses.map(({ url }) => url)],
    );
  }

  async standings(tx: Tx): Promise<WitnessStanding[]> {
    return tx.query(
      `SELECT vkey, name, url, cosigned_size::float8 AS "cosignedSize", cosigned_at AS "cosignedAt", state, failure,
              failed_at AS "failedAt"
         FROM ledger_witness WHERE active ORDER BY position, vkey`,
    );
  }

  /** A witness that another process has seen further along stays there. */
  async storeStandings(tx: Tx, standings: readonly WitnessStanding[]): Promise<void> {
    await tx.execute(
      `UPDATE ledger_witness w
          SET cosigned_size = greatest(w.cosigned_size, s.size), cosigned_at = greatest(w.cosigned_at, s.at),
              state = s.state, failure = s.failure, failed_at = s.failed_at
         FROM unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $6::timestamptz[])
           AS s (vkey, size, at, state, failure, failed_at)
        WHERE w.vkey = s.vkey`,
      [
        standings.map(({ vkey }) => vkey),
        standings.map(({ cosignedSize }) => cosignedSize),
        standings.map(({ cosignedAt }) => cosignedAt),
        standings.map(({ state }) => state),
        standings.map(({ failure }) => failure),
        standings.map(({ failedAt }) => failedAt),
      ],
    );
  }

  /** Lines under a published checkpoint; what is there already stays. With `threshold` of them it is a witnessed one. */
  async addCosignatures(tx: Tx, size: number, lines: readonly WitnessLine[], threshold: number): Promise<void> {
    await tx.execute(
      `INSERT INTO ledger_cosignature (size, witness, line, cosigned_at)
       SELECT $1, l.witness, l.line, to_timestamp(l.time)
         FROM unnest($2::text[], $3::text[], $4::float8[]) AS l (witness, line, time)
       ON CONFLICT DO NOTHING`,
      [size, lines.map(({ vkey }) => vkey), lines.map(({ line }) => line), lines.map(({ time }) => time)],
    );
    await tx.execute(
      `INSERT INTO ledger_witnessed (size)
       SELECT $1 WHERE $2 <= (SELECT count(*) FROM ledger_cosignature s JOIN ledger_witness w ON w.vkey = s.witness
                               WHERE s.size = $1 AND w.active)
       ON CONFLICT DO NOTHING`,
      [size, threshold],
    );
  }

  /** How many entries the log has, published or not. */
  async treeSize(tx: Tx): Promise<number> {
    const [row] = await tx.query<{ size: number }>('SELECT size::float8 AS size FROM ledger_head');
    return row?.size ?? 0;
  }

  /** The newest published head, as it was signed; null before the first. */
  async newestHead(tx: Tx): Promise<{ size: number; root: Uint8Array; note: string; epoch: number } | null> {
    const [row] = await tx.query<{ size: number; root: Buffer; note: string; epoch: number }>(
      `SELECT size::float8 AS size, root, note, epoch::float8 AS epoch FROM ledger_checkpoint ORDER BY size DESC LIMIT 1`,
    );
    return row ?? null;
  }
}
