import { join } from 'node:path';
import { initAgent, newWireguardKey } from '../commands/agent.js';
import { enrolFirstKey } from '../commands/signing-key.js';
import { createTenant } from '../commands/tenant-create.js';
import { ApiClient } from '../connection/api-client.js';
import { RemoteProblem } from '../migrate/client-errors.js';
import type { Row } from '../output/printer.js';
import { type BuiltVpc, buildVpc } from './build-network.js';
import { drawVpc } from './network-picture.js';
import type { Scenario, TenantScenario } from './scenario.js';
import type { Stage } from './stage.js';

/** What every act of the demo has at hand. */
export interface DemoWorld {
  url: string;
  operatorKey: string;
  /** Of this run: keys, nodes, restored data, bundles. */
  folder: string;
  scenario: Scenario;
  stage: Stage;
}

export interface DemoNode {
  id: string;
  name: string;
  location: string;
}

export interface DemoTenant {
  id: string;
  name: string;
  api: ApiClient;
  /** The file with its root key and view key. */
  keyFile: string;
  scenario: TenantScenario;
  vpcs: BuiltVpc[];
  /** Of its last change. */
  ledgerEntryId: string;
}

/** Address pools, gateway hosts and storage nodes. @returns the storage nodes of this run */
export async function prepareOperator({ url, operatorKey, folder, scenario, stage }: DemoWorld): Promise<DemoNode[]> {
  const api = new ApiClient({ url, apiKey: operatorKey });
  const { addressPools, gatewayHosts, storageNodes } = scenario.operator;
  for (const pool of addressPools) {
    await stage.step(
      () => ensurePool(api, pool),
      (isNew) => `public addresses ${pool.cidrBlock}${isNew ? '' : ' (there already)'}`,
    );
  }
  for (const host of gatewayHosts) {
    const keyFile = join(folder, `${host.name}.key`);
    await stage.step(
      () => initAgent(api, host, keyFile),
      `gateway host ${host.endpoint}: its WireGuard key was made there and stays there`,
    );
  }
  return stage.step(
    () => Promise.all(storageNodes.map((node) => registerNode(api, folder, node))),
    (nodes) => `${nodes.length} storage nodes, each failing by itself`,
  );
}

/** A run before may have made the pool; no two may overlap. */
async function ensurePool(api: ApiClient, pool: object): Promise<boolean> {
  try {
    await api.json({ method: 'POST', path: '/v1/system/address-pools', body: pool });
    return true;
  } catch (error) {
    if (error instanceof RemoteProblem && error.code === 'PoolOverlap') return false;
    throw error;
  }
}

async function registerNode(
  api: ApiClient,
  folder: string,
  { name, failureDomain }: Scenario['operator']['storageNodes'][number],
): Promise<DemoNode> {
  const body = { name, failureDomain, location: join(folder, 'nodes', name) };
  const { id } = await api.json<Row>({ method: 'POST', path: '/v1/system/storage-nodes', body });
  return { id, name, location: body.location };
}

export async function buildTenants(world: DemoWorld): Promise<DemoTenant[]> {
  const tenants: DemoTenant[] = [];
  for (const [at, scenario] of world.scenario.tenants.entries()) tenants.push(await buildTenant(world, scenario, at));
  return tenants;
}

async function buildTenant(world: DemoWorld, scenario: TenantScenario, at: number): Promise<DemoTenant> {
  const { url, operatorKey, folder, stage } = world;
  const keyFile = join(folder, `tenant-${at + 1}.keys.json`);
  const operator = new ApiClient({ url, apiKey: operatorKey });
  const made = await stage.step(
    () => createTenant(operator, scenario.name, keyFile),
    `${scenario.name}: its root key and view key were made on its side`,
  );
  const owner = { url, apiKey: made.ownerApiKey };
  const signingKey = await stage.step(
    () => enrolFirstKey(new ApiClient(owner), keyFile, join(folder, `tenant-${at + 1}.signing-key.json`)),
    `${scenario.name}: its owner made a signing key, and the root key enrolled it; every change is signed with it`,
  );
  const api = new ApiClient({ ...owner, signingKey });
  const vpcs: BuiltVpc[] = [];
  for (const vpc of scenario.vpcs) {
    const customerKey = vpc.vpn ? newWireguardKey().publicKey : null;
    const built = await stage.step(
      () => buildVpc(api, vpc, customerKey),
      ({ resources }) => `${resources} changes, each with its ledger entry`,
    );
    stage.show(drawVpc(scenario.name, built, stage.paint));
    vpcs.push(built);
  }
  const { ledgerEntryId } = vpcs.at(-1) ?? made;
  return { id: made.id, name: scenario.name, api, keyFile, scenario, vpcs, ledgerEntryId };
}
