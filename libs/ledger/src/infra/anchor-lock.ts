import { Injectable } from '@nestjs/common';
import { DataSource, type QueryRunner } from 'typeorm';

/** "anchor" in a phone's letters. */
const LOCK = 262467;

/**
 * Lets one anchorer of a deployment work at a time: a session's advisory lock on a connection of its own, so that it ends
 * with the process. It saves work and is no fence: row locks and the transactions' nonces keep two of them right.
 */
@Injectable()
export class AnchorLock {
  private session: QueryRunner | null = null;

  constructor(private readonly dataSource: DataSource) {}

  /** Whether this process has the lock, now that it asked. */
  async holds(): Promise<boolean> {
    if (this.session && (await this.isAlive(this.session))) return true;
    await this.release();
    const session = this.dataSource.createQueryRunner();
    try {
      const [row] = (await session.query('SELECT pg_try_advisory_lock($1) AS locked', [LOCK])) as { locked: boolean }[];
      if (!row?.locked) return false;
      this.session = session;
      return true;
    } finally {
      if (this.session !== session) await session.release();
    }
  }

  /** Lets another process work. */
  async release(): Promise<void> {
    const session = this.session;
    this.session = null;
    if (!session) return;
    await session.query('SELECT pg_advisory_unlock($1)', [LOCK]).catch(() => undefined);
    await session.release().catch(() => undefined);
  }

  private async isAlive(session: QueryRunner): Promise<boolean> {
    try {
      await session.query('SELECT 1');
      return true;
    } catch {
      return false;
    }
  }
}
