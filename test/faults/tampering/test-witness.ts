import { generateKeyPairSync, sign } from 'node:crypto';
import type pg from 'pg';
import { COSIGNATURE_V1, cosignatureLine, formatVkey, noteKey, parseNote } from '#merkle';
import { nodeCrypto, type WitnessPolicy } from '#proof';

/** A witness whose cosignature of the newest checkpoint is in the tables, as the worker would have put it there. */
export class TestWitness {
  private readonly pair = generateKeyPairSync('ed25519');
  private readonly key = noteKey(
    nodeCrypto.sha256,
    'witness.example',
    this.pair.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32),
    COSIGNATURE_V1,
  );

  get policy(): WitnessPolicy {
    return { witnesses: [this.key], threshold: 1 };
  }

  async cosign(admin: pg.Client): Promise<void> {
    const vkey = formatVkey(this.key);
    await admin.query('UPDATE ledger_witness_policy SET threshold = 1');
    await admin.query(
      `INSERT INTO ledger_witness (vkey, name, url, position, state) VALUES ($1, 'witness.example', 'http://witness.example', 0, 'ok')`,
      [vkey],
    );
    const { rows } = await admin.query('SELECT size, note FROM ledger_checkpoint ORDER BY size');
    for (const { size, note } of rows) {
      const line = cosignatureLine(
        this.key,
        (message) => sign(null, message, this.pair.privateKey),
        parseNote(note).text,
        Math.floor(Date.now() / 1000),
      );
      await admin.query(
        'INSERT INTO ledger_cosignature (size, witness, line, cosigned_at) VALUES ($1, $2, $3, now())',
        [size, vkey, line],
      );
      await admin.query('INSERT INTO ledger_witnessed (size) VALUES ($1)', [size]);
    }
  }
}
