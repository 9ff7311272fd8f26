import { randomBytes } from 'node:crypto';
import { startBenchStack } from './api-process.js';
import { BenchClient, load } from './http-client.js';
import { rawTransactions, type Target } from './raw-transactions.js';

const CLIENTS = 16;
const TENANTS = 8;
const VPCS_PER_TENANT = 8;
const SECONDS = 8;
const WARM_UP_SECONDS = 3;

export interface ChangesFigures {
  /** POST subnet through HTTP: authorised, validated, idempotent, ledgered, durable. 16 clients, 8 tenants, 64 VPCs. */
  changesPerSecond: number;
  changesP50Ms: number;
  changesP99Ms: number;
  /** The same with all clients on one VPC: they wait for each other. */
  hotTenantChangesPerSecond: number;
  hotTenantP50Ms: number;
  hotTenantP99Ms: number;
  /** The same rows by bare pg, statement by statement, and with all statements sent together. */
  rawTransactionsPerSecond: number;
  rawTogetherPerSecond: number;
  /** The smallest request there is, on the same server. */
  plainHttpPerSecond: number;
  changesShareOfRaw: number;
}

interface OwnedTarget extends Target {
  apiKey: string;
}

export async function run(): Promise<ChangesFigures> {
  const stack = await startBenchStack();
  const client = new BenchClient(stack.apiUrl);
  try {
    const targets = await prepareTargets(client, stack.operatorKey);
    const blocks = new Map<string, number>();
    const addSubnet = (target: OwnedTarget) => {
      const n = blocks.get(target.vpcId) ?? 0;
      blocks.set(target.vpcId, n + 1);
      return client.change(target.apiKey, 'POST', '/v1/subnets', {
        vpcId: target.vpcId,
        cidrBlock: `10.0.${n >> 4}.${(n & 15) * 16}/28`,
        zone: 'zone-1',
      });
    };
    const spread = (one: number, turn: number) =>
      addSubnet(targets[(one + turn * CLIENTS) % targets.length] as OwnedTarget);
    await load(CLIENTS, WARM_UP_SECONDS, spread);
    const changes = await load(CLIENTS, SECONDS, spread);
    const hot = await load(CLIENTS, SECONDS / 2, () => addSubnet(targets.at(-1) as OwnedTarget));
    const plain = await load(CLIENTS, SECONDS / 4, () => client.get('/healthz'));
    const raw = await rawTransactions(stack.urls.freehold_api, targets.slice(0, -1), CLIENTS, SECONDS / 2);
    return {
      changesPerSecond: changes.perSecond,
      changesP50Ms: changes.p50,
      changesP99Ms: changes.p99,
      hotTenantChangesPerSecond: hot.perSecond,
      hotTenantP50Ms: hot.p50,
      hotTenantP99Ms: hot.p99,
      rawTransactionsPerSecond: raw.single,
      rawTogetherPerSecond: raw.together,
      plainHttpPerSecond: plain.perSecond,
      changesShareOfRaw: changes.perSecond / raw.single,
    };
  } finally {
    client.close();
    await stack.close();
  }
}

async function prepareTargets(client: BenchClient, operatorKey: string): Promise<OwnedTarget[]> {
  const targets: OwnedTarget[] = [];
  for (let tenant = 0; tenant < TENANTS; tenant += 1) {
    const key = () => randomBytes(32).toString('base64');
    const created = await client.change(operatorKey, 'POST', '/v1/system/tenants', {
      name: `bench ${tenant}`,
      rootPublicKey: key(),
      viewKey: key(),
    });
    for (const [quota, allowed] of [
      ['vpcs', 100],
      ['subnets-per-vpc', 100_000],
    ] as const) {
      await client.change(operatorKey, 'PUT', `/v1/system/tenants/${created.id}/quotas/${quota}`, { allowed });
    }
    for (let vpc = 0; vpc < VPCS_PER_TENANT; vpc += 1) {
      const { id } = await client.change(created.ownerApiKey, 'POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' });
      targets.push({ tenantId: created.id, vpcId: id, apiKey: created.ownerApiKey });
    }
  }
  return targets;
}
