import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DATABASE_ROLES, type DatabaseUrls, migrate, prepareDatabase } from '#database';
import { EmbeddedPostgres } from '#embedded';
import { newId, type TenantId } from '#kernel';
import { LedgerProcess } from '../../libs/ledger/src/testing/ledger-process.js';

export interface IntegrationFigures {
  integratedPerSecond: number;
  sequencedPerSecond: number;
}

const STORED_ENTRIES = 60_000;
const ENTRIES_A_TRANSACTION = 500;
const TENANTS = 8;

export async function run(): Promise<IntegrationFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'freehold-bench-'));
  chmodSync(folder, 0o711);
  const postgres = new EmbeddedPostgres({ folder: join(folder, 'postgres') });
  try {
    await postgres.start();
    const passwords = Object.fromEntries(DATABASE_ROLES.map((role) => [role, `bench-${role}`])) as Record<
      (typeof DATABASE_ROLES)[number],
      string
    >;
    const urls = await prepareDatabase({ adminUrl: postgres.adminUrl, database: 'freehold', passwords });
    await migrate(urls.freehold_owner);
    return await sequence(urls, folder);
  } finally {
    await EmbeddedPostgres.destroy(join(folder, 'postgres'));
    rmSync(folder, { recursive: true, force: true });
  }
}

async function sequence(urls: DatabaseUrls, folder: string): Promise<IntegrationFigures> {
  const database = { name: 'freehold', urls, adminUrl: urls.freehold_owner };
  const sequencer = await LedgerProcess.worker(database, folder);
  const writer = await LedgerProcess.api(database, folder);
  try {
    const tenants: TenantId[] = [];
    for (let at = 0; at < TENANTS; at += 1) {
      const tenantId = newId('tenant') as TenantId;
      await sequencer.openChain(tenantId, Buffer.alloc(32, at + 1));
      tenants.push(tenantId);
    }
    for (let stored = 0, turn = 0; stored < STORED_ENTRIES; stored += ENTRIES_A_TRANSACTION, turn += 1) {
      await writer.change(tenants[turn % TENANTS]!, ENTRIES_A_TRANSACTION);
    }
    const from = performance.now();
    let sequenced = 0;
    for (let count = 1; count > 0; sequenced += count) count = await sequencer.sequencer.tick();
    const perSecond = sequenced / ((performance.now() - from) / 1000);
    return { integratedPerSecond: perSecond, sequencedPerSecond: perSecond };
  } finally {
    await writer.close();
    await sequencer.close();
  }
}
