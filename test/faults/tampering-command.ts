import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DATABASE_ROLES, type DatabaseRole, migrate, prepareDatabase } from '#database';
import { EmbeddedPostgres } from '#embedded';
import type { TestCluster } from '../support/embedded-database.js';
import { type CampaignReport, runCampaign } from './tampering/run-campaign.js';

const TEMPLATE = 'freehold_template';
const print = (line: string) => void process.stdout.write(`${line}\n`);

/** `npm run faults -- tamper`: the campaign on a PostgreSQL of its own. Returns the exit code. */
export async function tamperingCommand({ count, seed }: { count: number; seed: number }): Promise<number> {
  print(`seed ${seed}: run again with tamper --count ${count} --seed ${seed}`);
  const folder = mkdtempSync(join(tmpdir(), 'freehold-tampering-'));
  chmodSync(folder, 0o711);
  const postgres = new EmbeddedPostgres({ folder: join(folder, 'cluster'), fsync: false });
  try {
    await postgres.start();
    const passwords = Object.fromEntries(DATABASE_ROLES.map((role) => [role, `${role}-in-tests`])) as Record<
      DatabaseRole,
      string
    >;
    const urls = await prepareDatabase({ adminUrl: postgres.adminUrl, database: TEMPLATE, passwords });
    await migrate(urls.freehold_owner);
    const cluster: TestCluster = { adminUrl: postgres.adminUrl, template: TEMPLATE, passwords };
    process.env.FREEHOLD_TEST_PG = JSON.stringify(cluster);
    return printReport(await runCampaign(count, seed));
  } finally {
    await EmbeddedPostgres.destroy(join(folder, 'cluster'));
    rmSync(folder, { recursive: true, force: true });
  }
}

function printReport({ kinds, missed, falseAlarms, untouched, entries, seconds }: CampaignReport): number {
  const width = Math.max(...kinds.map(({ kind }) => kind.length));
  print(`${'what was done'.padEnd(width)}  detected      named  how it was noticed, the first time`);
  for (const { kind, tried, detected, nameable, named, example } of kinds) {
    const cells = [`${detected}/${tried}`.padStart(8), (nameable === 0 ? '' : `${named}/${nameable}`).padStart(9)];
    print(`${kind.padEnd(width)}  ${cells.join('  ')}  ${example.slice(0, 140)}`);
  }
  const sum = (figure: 'tried' | 'detected') => kinds.reduce((total, one) => total + one[figure], 0);
  print('');
  print(
    `${sum('detected')} of ${sum('tried')} tamperings noticed, ${falseAlarms.length} false alarms in ${untouched} looks at what was untouched; ${entries} entries, ${seconds.toFixed(0)} s`,
  );
  for (const line of [...missed, ...falseAlarms.map((alarm) => `false alarm: ${alarm}`)].slice(0, 20))
    print(`BROKEN  ${line}`);
  return missed.length + falseAlarms.length > 0 ? 1 : 0;
}
