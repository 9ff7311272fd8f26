import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { newId } from '#kernel';
import { load } from './http-client.js';

/** A VPC of a tenant, to put subnets into. */
export interface Target {
  tenantId: string;
  vpcId: string;
}

/**
 * The physical limit: the very rows of a POST /v1/subnets, written by bare `pg` under the api role. Once statement by
 * statement, as such code is commonly written, and once with all statements sent together.
 */
export async function rawTransactions(
  url: string,
  targets: Target[],
  clients: number,
  seconds: number,
): Promise<{ single: number; together: number }> {
  const measure = async (pipeline: boolean, octet: number) => {
    const pool = await Promise.all(Array.from({ length: clients }, () => connected(url, pipeline)));
    const next = new Map<string, number>();
    const { perSecond } = await load(clients, seconds, (client, turn) => {
      const target = targets[(client + turn * clients) % targets.length] as Target;
      const n = next.get(target.vpcId) ?? 0;
      next.set(target.vpcId, n + 1);
      return transaction(pool[client] as pg.Client, target, `10.0.${octet + (n >> 4)}.${(n & 15) * 16}/28`, pipeline);
    });
    await Promise.all(pool.map((client) => client.end()));
    return perSecond;
  };
  return { single: await measure(false, 128), together: await measure(true, 192) };
}

async function connected(url: string, pipeline: boolean): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, pipeline } as pg.ClientConfig);
  await client.connect();
  return client;
}

async function transaction(
  client: pg.Client,
  { tenantId, vpcId }: Target,
  cidr: string,
  together: boolean,
): Promise<void> {
  const subnetId = newId('subnet');
  const entryId = newId('ledgerEntry');
  const reply = JSON.stringify({ id: subnetId, vpcId, cidrBlock: cidr, padding: 'x'.repeat(700) });
  const statements: [string, unknown[]][] = [
    ['BEGIN', []],
    ["SELECT set_config('app.tenant', $1, true)", [tenantId]],
    ['UPDATE vpc SET generation = generation + 1 WHERE tenant_id = $1 AND id = $2', [tenantId, vpcId]],
    [
      `INSERT INTO subnet (tenant_id, id, vpc_id, zone, cidr, changed_generation) VALUES ($1, $2, $3, 'zone-1', $4, 1)`,
      [tenantId, subnetId, vpcId, cidr],
    ],
    [
      'INSERT INTO ledger_entry (tenant_id, id, body, body_hash, salt) VALUES ($1, $2, $3, $4, $5)',
      [tenantId, entryId, randomBytes(500), randomBytes(32), randomBytes(32)],
    ],
    ['INSERT INTO ledger_pending (tenant_id, entry_id) VALUES ($1, $2)', [tenantId, entryId]],
    ["INSERT INTO outbox (tenant_id, topic, key) VALUES ($1, 'vpc', $2)", [tenantId, vpcId]],
    [
      `INSERT INTO idempotency_record (tenant_id, scope, key, request_hash, status, body) VALUES ($1, 'raw', $2, $3, 201, $4)`,
      [tenantId, subnetId, randomBytes(32), reply],
    ],
    ['COMMIT', []],
  ];
  const run = ([text, values]: [string, unknown[]], index: number) =>
    client.query(values.length > 0 ? { name: `raw${index}`, text, values } : { text });
  if (together) {
    const { stream } = (client as unknown as { connection: { stream: { cork(): void; uncork(): void } } }).connection;
    stream.cork();
    const sent = statements.map(run);
    stream.uncork();
    await Promise.all(sent);
    return;
  }
  for (const [index, statement] of statements.entries()) await run(statement, index);
}
