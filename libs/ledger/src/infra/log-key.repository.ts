import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '#database';

/** A key that followed another one, with the entry that says from where on it signs. */
export interface KeyRotation {
  /** Of the service key; the first key of the log has version 1 and no rotation. */
  version: number;
  vkey: string;
  endorsement: string;
  entryId: string;
  createdAt: Date;
  body: Uint8Array;
  salt: Uint8Array;
  /** Null until the entry is in the log. */
  place: { index: number; tenantSeq: number; prevHash: Uint8Array; leaf: Uint8Array } | null;
}

interface Row extends Omit<KeyRotation, 'place'> {
  index: number | null;
  tenantSeq: number;
  prevHash: Buffer;
  leaf: Buffer;
}

/** The keys that the log signs with, as the database has them. */
@Injectable()
export class LogKeyRepository {
  constructor(private readonly database: Database) {}

  /** In their order. */
  async rotations(): Promise<KeyRotation[]> {
    const rows = await this.database.query<Row>(
      `SELECT version, vkey, endorsement, entry_id AS "entryId", created_at AS "createdAt", body, salt,
              leaf_index::float8 AS index, tenant_seq::float8 AS "tenantSeq", prev_hash AS "prevHash", leaf
         FROM crosstenant.log_key_rotations()`,
    );
    return rows.map(({ index, tenantSeq, prevHash, leaf, ...rotation }) => {
      return { ...rotation, place: index === null ? null : { index, tenantSeq, prevHash, leaf } };
    });
  }

  /** What is recorded of them, in the transaction's own snapshot. */
  recorded(tx: Tx): Promise<Pick<KeyRotation, 'version' | 'vkey' | 'endorsement'>[]> {
    return tx.query('SELECT version, vkey, endorsement FROM ledger_key_rotation ORDER BY version');
  }

  /** Holds other rotations off until the transaction ends. `settled` is false while the last one is not in the log yet. */
  async beginRotation(tx: Tx): Promise<{ version: number; settled: boolean }> {
    const [row] = await tx.query<{ version: number; settled: boolean }>(
      'SELECT version, settled FROM crosstenant.begin_log_key_rotation()',
    );
    return row!;
  }

  async add(
    tx: Tx,
    rotation: Pick<KeyRotation, 'version' | 'vkey' | 'endorsement' | 'entryId'>,
    { publicKey, sealed }: { publicKey: Uint8Array; sealed: Uint8Array },
  ): Promise<void> {
    await tx.execute('SELECT crosstenant.add_log_key($1, $2, $3, $4, $5, $6)', [
      rotation.version,
      Buffer.from(publicKey),
      Buffer.from(sealed),
      rotation.vkey,
      rotation.endorsement,
      rotation.entryId,
    ]);
  }
}
