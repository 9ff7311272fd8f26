import { Test, type TestingModule } from '@nestjs/testing';
import pg from 'pg';
import { DatabaseModule } from '#database';
import { VPC_TOPIC } from '#network';
import type { NbRow } from '#ovn';
import { migrateQueue, QueueModule } from '#queue';
import { createLogger, TelemetryModule } from '#telemetry';
import { type Caller, startTestApi, type TestApi } from '../../../test/support/test-api.js';
import { until } from '../../../test/support/until.js';
import { ReconcileVpcService } from './app/reconcile-vpc.service.js';
import { VpcRescan } from './app/vpc-rescan.js';
import { diffPlans } from './domain/diff-plans.js';
import { NetworkDriver, StaleGenerationError } from './domain/network-driver.js';
import { ProvisioningWorkerModule } from './provisioning.module.js';

let api: TestApi;
let admin: pg.Pool;
let call: Caller;
const modules: TestingModule[] = [];

beforeAll(async () => {
  api = await startTestApi();
  await migrateQueue(api.database.urls.freehold_owner);
  admin = new pg.Pool({ connectionString: api.database.adminUrl, max: 4 });
});
// A tenant may have a few VPCs only.
beforeEach(async () => {
  ({ call } = await api.tenant());
});
afterEach(async () => {
  for (const module of modules.splice(0)) await module.close();
});
afterAll(async () => {
  await admin.end();
  await api.close();
});

/** A worker's reconciliation; with `jobs` it takes hints from the queue, else it does what the test tells it. */
async function worker({ jobs = false, rescanMs = 3_600_000 } = {}): Promise<TestingModule> {
  const databaseUrl = api.database.urls.freehold_system;
  const module = await Test.createTestingModule({
    imports: [
      DatabaseModule.forRoot({ url: databaseUrl, role: 'system', applicationName: 'test', poolSize: 6 }),
      TelemetryModule.forRoot(createLogger({ process: 'test', level: 'silent' })),
      ProvisioningWorkerModule.forRoot({ rescanMs }),
      ...(jobs ? [QueueModule.forRoot({ databaseUrl, topics: [VPC_TOPIC], relay: { reofferMs: 500 } })] : []),
    ],
  }).compile();
  modules.push(module);
  await module.init();
  return module;
}

async function created(path: string, body: unknown): Promise<{ id: string }> {
  const reply = await call('POST', path, body);
  expect([reply.status, reply.body]).toEqual([201, expect.anything()]);
  return reply.body;
}
const newVpc = () => created('/v1/vpcs', { cidrBlock: '10.0.0.0/16' });
const newSubnet = (vpcId: string, n: number) =>
  created('/v1/subnets', { vpcId, cidrBlock: `10.0.${n}.0/24`, zone: api.settings.zones[0] });
const vpcOf = async (id: string) => (await call('GET', `/v1/vpcs/${id}`)).body;
const planOf = async (id: string) => (await call('GET', `/v1/vpcs/${id}/plan`)).body;
const switches = (plan: { rows: NbRow[] }) =>
  plan.rows.flatMap((row) => (row.table === 'Logical_Switch' ? [row.columns.name] : []));
const hints = async (key: string) =>
  Number((await admin.query('SELECT count(*) FROM outbox WHERE key = $1', [key])).rows[0].count);

describe('a VPC', () => {
  it('becomes available, with the exact rows of its generation to be read', async () => {
    await worker({ jobs: true });
    const vpc = await newVpc();
    expect(await planOf(vpc.id)).toMatchObject({ vpcId: vpc.id, generation: 0, intendedGeneration: 1, rows: [] });
    const subnets = [await newSubnet(vpc.id, 1), await newSubnet(vpc.id, 2)];
    await until(
      'it is available',
      async () => (await vpcOf(vpc.id)).state === 'available' && (await hints(vpc.id)) === 0,
    );
    const { generation, realizedGeneration, realization } = await vpcOf(vpc.id);
    const plan = await planOf(vpc.id);
    expect({ realizedGeneration, realization }).toEqual({ realizedGeneration: generation, realization: 'planned' });
    expect(plan).toMatchObject({
      cell: 'default',
      generation,
      intendedGeneration: generation,
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(switches(plan)).toEqual(subnets.map(({ id }) => id).sort());
  });

  it('under a hail of changes ends at its last generation, with two workers at it', async () => {
    await worker({ jobs: true });
    await worker({ jobs: true });
    const vpc = await newVpc();
    const subnets = await Promise.all(Array.from({ length: 40 }, (_, n) => newSubnet(vpc.id, n)));
    await Promise.all(subnets.slice(0, 20).map(({ id }) => call('DELETE', `/v1/subnets/${id}`)));
    await until('all is done', async () => (await hints(vpc.id)) === 0);
    const { generation, realizedGeneration, failure } = await vpcOf(vpc.id);
    expect({ realizedGeneration, failure }).toEqual({ realizedGeneration: generation, failure: null });
    expect(switches(await planOf(vpc.id))).toEqual(
      subnets
        .slice(20)
        .map(({ id }) => id)
        .sort(),
    );
    expect((await call('GET', `/v1/subnets/${subnets[0]?.id}`)).status).toBe(404);
  });

  it('that is deleted goes, plan and all, when the data plane has let go of it', async () => {
    const reconcile = (await worker()).get(ReconcileVpcService);
    const vpc = await newVpc();
    const subnet = await newSubnet(vpc.id, 1);
    await reconcile.execute(vpc.id);
    await call('DELETE', `/v1/subnets/${subnet.id}`);
    expect((await call('DELETE', `/v1/vpcs/${vpc.id}`)).status).toBe(200);
    expect((await vpcOf(vpc.id)).state).toBe('deleting');
    await reconcile.execute(vpc.id);
    expect((await call('GET', `/v1/vpcs/${vpc.id}`)).status).toBe(404);
    expect((await call('GET', `/v1/vpcs/${vpc.id}/plan`)).status).toBe(404);
    const { rows } = await admin.query(
      `SELECT (SELECT count(*) FROM vpc_plan WHERE vpc_id = $1)::int AS plans, (SELECT count(*) FROM vpc_plan_row WHERE vpc_id = $1)::int AS rows,
              (SELECT count(*) FROM outbox WHERE key = $1)::int AS hints`,
      [vpc.id],
    );
    expect(rows).toEqual([{ plans: 0, rows: 0, hints: 0 }]);
    await reconcile.execute(vpc.id);
  });

  it('whose hint was lost is found by the rescan, and others get no second hint', async () => {
    const module = await worker();
    const [lost, hinted] = [await newVpc(), await newVpc()];
    await admin.query('DELETE FROM outbox WHERE key = $1', [lost.id]);
    await module.get(VpcRescan).rescan();
    expect([await hints(lost.id), await hints(hinted.id)]).toEqual([1, 1]);
    for (const { id } of [lost, hinted]) await module.get(ReconcileVpcService).execute(id);
    expect((await vpcOf(lost.id)).state).toBe('available');
    expect(await module.get(VpcRescan).rescan()).toBe(0);
  });

  it('is none of another tenant’s business', async () => {
    const vpc = await newVpc();
    await (await worker()).get(ReconcileVpcService).execute(vpc.id);
    const stranger = (await api.tenant()).call;
    const absent = await stranger('GET', '/v1/vpcs/vpc-00000000000000000/plan');
    const foreign = await stranger('GET', `/v1/vpcs/${vpc.id}/plan`);
    expect(foreign.status).toBe(404);
    const without = (body: { requestId: string }) => JSON.stringify({ ...body, requestId: '' });
    expect(without(foreign.body).replaceAll(vpc.id, 'X')).toBe(
      without(absent.body).replaceAll('vpc-00000000000000000', 'X'),
    );
    const client = new pg.Client({ connectionString: api.database.urls.freehold_api });
    await client.connect();
    expect((await client.query('SELECT count(*)::int AS n FROM vpc_plan_row')).rows).toEqual([{ n: 0 }]);
    await expect(client.query('DELETE FROM vpc_plan')).rejects.toThrow(/permission denied/);
    await client.end();
  });
});

describe('a worker that slept', () => {
  it('does not undo what a quicker one did', async () => {
    const module = await worker();
    const driver = module.get(NetworkDriver);
    const reconcile = module.get(ReconcileVpcService);
    const vpc = await newVpc();
    const subnet = await newSubnet(vpc.id, 1);
    await reconcile.execute(vpc.id);
    const slept = await driver.observe(vpc.id);
    await newSubnet(vpc.id, 2);
    await reconcile.execute(vpc.id);
    const before = await planOf(vpc.id);
    const { tenant_id: tenantId } = (await admin.query('SELECT tenant_id FROM vpc WHERE id = $1', [vpc.id])).rows[0];
    for (const to of [slept.generation as number, before.generation, before.generation + 1]) {
      const change = diffPlans(slept.rows, []);
      const late = driver.apply({ tenantId, vpcId: vpc.id, from: slept.generation, to, change, rows: [] });
      await expect(late).rejects.toThrow(StaleGenerationError);
    }
    expect(await planOf(vpc.id)).toEqual(before);
    expect(switches(before)).toContain(subnet.id);
  });

  it('does not bring back a VPC that is gone', async () => {
    const module = await worker();
    const reconcile = module.get(ReconcileVpcService);
    const vpc = await newVpc();
    const { tenant_id: tenantId } = (await admin.query('SELECT tenant_id FROM vpc WHERE id = $1', [vpc.id])).rows[0];
    await call('DELETE', `/v1/vpcs/${vpc.id}`);
    await reconcile.execute(vpc.id);
    const change = { adds: [], changes: [], removes: [] };
    const late = module.get(NetworkDriver).apply({ tenantId, vpcId: vpc.id, from: null, to: 1, change, rows: [] });
    await expect(late).rejects.toThrow(StaleGenerationError);
  });
});

describe('a data plane that refuses', () => {
  it('is told to the tenant, tried again, and forgotten when it takes the change', async () => {
    await worker({ jobs: true });
    await admin.query(`
      CREATE FUNCTION refuse_plan() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'canary: disk of cell 7'; END $$;
      CREATE TRIGGER refuse_plan BEFORE INSERT ON vpc_plan FOR EACH ROW EXECUTE FUNCTION refuse_plan()`);
    const vpc = await newVpc();
    await until('the failure shows', async () => (await vpcOf(vpc.id)).state === 'failed');
    expect((await vpcOf(vpc.id)).failure).toBe('The data plane could not be brought to this state; it is tried again.');
    await admin.query('DROP TRIGGER refuse_plan ON vpc_plan');
    await until('it is available', async () => (await vpcOf(vpc.id)).state === 'available');
    expect((await vpcOf(vpc.id)).failure).toBeNull();
  });
});
