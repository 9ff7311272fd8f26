import { Injectable } from '@nestjs/common';
import { Database } from '#database';
import type { WitnessOverview, WitnessStanding } from '../domain/witness.js';

/** The witnesses as the workers have stored them; readable under either role. */
@Injectable()
export class OpenWitnessRepository {
  constructor(private readonly database: Database) {}

  async overview(): Promise<WitnessOverview> {
    const [policy] = await this.database.query<Omit<WitnessOverview, 'witnesses'>>(
      `SELECT threshold, required,
              coalesce((SELECT max(size) FROM ledger_witnessed), 0)::float8 AS "witnessedSize"
         FROM ledger_witness_policy`,
    );
    const witnesses = await this.database.query<WitnessStanding>(
      `SELECT vkey, name, url, cosigned_size::float8 AS "cosignedSize", cosigned_at AS "cosignedAt", state, failure,
              failed_at AS "failedAt"
         FROM ledger_witness WHERE active ORDER BY position, vkey`,
    );
    return { ...policy!, witnesses };
  }
}
