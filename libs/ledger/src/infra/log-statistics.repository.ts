import { Injectable } from '@nestjs/common';
import { Database } from '#database';
import type { AnchorStatistics } from '../domain/log-statistics.js';

export interface CountedCheckpoints {
  hour: Date;
  count: number;
  /** The largest of them. */
  size: number;
}

/** Figures of the open log. Each statement reads a bounded part of it by an index, however long the log is. */
@Injectable()
export class LogStatisticsRepository {
  constructor(private readonly database: Database) {}

  /** How many entries the log had at each of these times. */
  async sizesAt(times: readonly Date[]): Promise<number[]> {
    const rows = await this.database.query<{ size: number }>(
      `SELECT coalesce((SELECT c.size FROM ledger_checkpoint c WHERE c.created_at < t.at
                         ORDER BY c.created_at DESC LIMIT 1), 0)::float8 AS size
         FROM unnest($1::timestamptz[]) WITH ORDINALITY AS t (at, place) ORDER BY t.place`,
      [times],
    );
    return rows.map(({ size }) => size);
  }

  /** The checkpoints that follow the one of `size`, at most so many, by the hour. */
  countAfter(size: number, most: number): Promise<CountedCheckpoints[]> {
    return this.database.query<CountedCheckpoints>(
      `SELECT date_trunc('hour', created_at, 'UTC') AS hour, count(*)::float8 AS count, max(size)::float8 AS size
         FROM (SELECT size, created_at FROM ledger_checkpoint WHERE size > $1 ORDER BY size LIMIT $2) next
        GROUP BY 1 ORDER BY size`,
      [size, most],
    );
  }

  async anchors(): Promise<AnchorStatistics> {
    const [newest = null] = await this.database.query<NonNullable<AnchorStatistics['newest']>>(
      `SELECT a.size::float8 AS size, d.chain_id::float8 AS "chainId", '0x' || encode(a.tx_hash, 'hex') AS "txHash",
              a.block_number::float8 AS "blockNumber", a.finality, a.independent_trust AS "independentTrust",
              a.final_at AS "finalAt"
         FROM anchor a JOIN chain_deployment d ON d.id = a.deployment_id
        WHERE a.state = 'final' ORDER BY a.size DESC, a.deployment_id DESC LIMIT 1`,
    );
    const [row] = await this.database.query<{ count: number }>(
      `SELECT count(*)::float8 AS count FROM (SELECT FROM anchor WHERE state <> 'final' LIMIT 1000) open`,
    );
    const count = row?.count ?? 0;
    return { unsettled: count < 1000 ? count : null, newest };
  }
}
