import { startBenchStack } from './api-process.js';
import { BenchClient, load } from './http-client.js';
import { rawTransactions } from './raw-transactions.js';
import { type OwnedTarget, prepareTargets, subnetOf } from './targets.js';

const CLIENTS = 16;
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

export async function run(): Promise<ChangesFigures> {
  const stack = await startBenchStack();
  const client = new BenchClient(stack.apiUrl);
  try {
    const targets = await prepareTargets(client, stack.operatorKey);
    const blocks = new Map<string, number>();
    const addSubnet = (target: OwnedTarget) => {
      const n = blocks.get(target.vpcId) ?? 0;
      blocks.set(target.vpcId, n + 1);
      return client.change(target.apiKey, 'POST', '/v1/subnets', subnetOf(target, n));
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
