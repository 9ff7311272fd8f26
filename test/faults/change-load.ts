import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, ApiClient, type Change } from './api-client.js';
import { SeededRandom } from './seeded-random.js';

/** A change that was answered with success: from then on it must be there, once. */
export interface Acknowledged {
  key: string;
  action: string;
  resourceId: string;
  ledgerEntryId: string;
  attempts: number;
}

/** What a resource must look like, as its last acknowledged change left it. */
export interface Expected {
  name: string | null;
  cidrBlock: string;
}

export interface LoadTenant {
  id: string;
  apiKey: string;
  viewKey: Buffer;
  rootPublicKey: string;
  client: ApiClient;
  acknowledged: Acknowledged[];
  vpcs: Map<string, Expected>;
  subnets: Map<string, Expected>;
}

export interface ChangeLoadOptions {
  apiUrls: readonly string[];
  operatorKey: string;
  random: SeededRandom;
  tenants: number;
  /** Callers of each tenant, each with a VPC of its own. */
  callersPerTenant: number;
  /** Between two changes of one caller, in milliseconds. */
  paceMs: number;
  /** Ends all waiting for answers. */
  abandoned: AbortSignal;
}

/** Requests that are sent twice at the same time, and answered ones that are sent again. */
const TWIN_SHARE = 0.05;
const REPLAY_SHARE = 0.05;
const VPC_BLOCK = '10.0.0.0/16';

/** What a caller works on. */
interface Workplace {
  tenant: LoadTenant;
  client: ApiClient;
  random: SeededRandom;
  vpcId: string;
  nextBlock: number;
  subnets: string[];
  last: { change: Change; answer: Answer } | null;
}

/**
 * A steady load of changes by several tenants. Every change has an Idempotency-Key and is sent until it is answered; what
 * was answered is written down, to be held against the database, the ledger and the receipts in the end.
 */
export class ChangeLoad {
  readonly tenants: LoadTenant[] = [];
  /** What was wrong with an answer; empty when all went well. */
  readonly complaints: string[] = [];
  private callers: Promise<void>[] = [];
  private readonly stopping = new AbortController();

  private constructor(private readonly options: ChangeLoadOptions) {}

  /** Makes the tenants; nothing runs yet. */
  static async prepare(options: ChangeLoadOptions): Promise<ChangeLoad> {
    const load = new ChangeLoad(options);
    const operator = new ApiClient(options.apiUrls, options.operatorKey, options.abandoned);
    for (let at = 0; at < options.tenants; at += 1) load.tenants.push(await makeTenant(options, operator, at));
    return load;
  }

  get acknowledged(): number {
    return this.tenants.reduce((sum, tenant) => sum + tenant.acknowledged.length, 0);
  }

  start(): void {
    const { tenants, options } = this;
    for (const tenant of tenants) {
      for (let at = 0; at < options.callersPerTenant; at += 1) {
        const random = new SeededRandom(options.random.below(2 ** 32));
        this.callers.push(this.call(tenant, random).catch((error: Error) => void this.complaints.push(error.message)));
      }
    }
  }

  /** Lets each caller finish what it is at. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.callers);
  }

  private async call(tenant: LoadTenant, random: SeededRandom): Promise<void> {
    const { client } = tenant;
    const place: Workplace = { tenant, client, random, vpcId: '', nextBlock: 0, subnets: [], last: null };
    place.vpcId = await this.createVpc(place);
    while (!this.stopping.signal.aborted) {
      await this.oneChange(place);
      if (place.last && random.next() < REPLAY_SHARE) await this.replay(place.last, client);
      await delay(this.options.paceMs * (0.5 + random.next()), undefined, { signal: this.stopping.signal }).catch(
        () => undefined,
      );
    }
  }

  private async oneChange(place: Workplace): Promise<void> {
    const dice = place.random.next();
    if (dice < 0.45 || place.subnets.length === 0) await this.createSubnet(place);
    else if (dice < 0.65) await this.renameSubnet(place);
    else if (dice < 0.8) await this.deleteSubnet(place);
    else if (dice < 0.9) await this.renameVpc(place);
    else await this.comeAndGo(place);
  }

  private async createVpc(place: Workplace): Promise<string> {
    const body = { cidrBlock: VPC_BLOCK, name: nameOf(place.random) };
    const reply = await this.make(place, 'vpc.created', { method: 'POST', path: '/v1/vpcs', body });
    place.tenant.vpcs.set(reply.id, { name: body.name, cidrBlock: body.cidrBlock });
    return reply.id;
  }

  private async comeAndGo(place: Workplace): Promise<void> {
    const id = await this.createVpc(place);
    await this.make(place, 'vpc.deleted', { method: 'DELETE', path: `/v1/vpcs/${id}` });
    place.tenant.vpcs.delete(id);
  }

  private async renameVpc(place: Workplace): Promise<void> {
    const name = nameOf(place.random);
    await this.make(place, 'vpc.updated', { method: 'PATCH', path: `/v1/vpcs/${place.vpcId}`, body: { name } });
    place.tenant.vpcs.set(place.vpcId, { name, cidrBlock: VPC_BLOCK });
  }

  private async createSubnet(place: Workplace): Promise<void> {
    const block = place.nextBlock;
    place.nextBlock = (block + 1) % 4096;
    const cidrBlock = `10.0.${block >> 4}.${(block & 15) * 16}/28`;
    const body = { vpcId: place.vpcId, cidrBlock, zone: 'zone-1', name: nameOf(place.random) };
    const reply = await this.make(place, 'subnet.created', { method: 'POST', path: '/v1/subnets', body });
    place.tenant.subnets.set(reply.id, { name: body.name, cidrBlock });
    place.subnets.push(reply.id);
  }

  private async renameSubnet(place: Workplace): Promise<void> {
    const id = place.random.pick(place.subnets);
    const name = nameOf(place.random);
    const { version } = await place.client.get(`/v1/subnets/${id}`);
    const change = { method: 'PATCH', path: `/v1/subnets/${id}`, body: { name }, ifMatch: `"${version}"` };
    await this.make(place, 'subnet.updated', change);
    const { cidrBlock } = place.tenant.subnets.get(id) as Expected;
    place.tenant.subnets.set(id, { name, cidrBlock });
  }

  private async deleteSubnet(place: Workplace): Promise<void> {
    const id = place.random.pick(place.subnets);
    await this.make(place, 'subnet.deleted', { method: 'DELETE', path: `/v1/subnets/${id}` });
    place.subnets = place.subnets.filter((one) => one !== id);
    place.tenant.subnets.delete(id);
  }

  /** Sends the change until it is answered, now and then twice at once, and writes down what was acknowledged. */
  // biome-ignore lint/suspicious/noExplicitAny: replies of every shape
  private async make(place: Workplace, action: string, wanted: Omit<Change, 'key'>): Promise<any> {
    const change: Change = { ...wanted, key: randomUUID() };
    const answers = await Promise.all([
      place.client.change(change),
      ...(place.random.next() < TWIN_SHARE ? [place.client.change(change)] : []),
    ]);
    const [answer] = answers as [Answer];
    const what = `${change.method} ${change.path} (key ${change.key})`;
    if (answer.status >= 300) throw new Error(`${what}: refused with ${answer.status} ${JSON.stringify(answer.body)}`);
    for (const twin of answers) this.compare(what, answer, twin);
    const { id: resourceId, ledgerEntryId } = answer.body;
    place.tenant.acknowledged.push({ key: change.key, action, resourceId, ledgerEntryId, attempts: answer.attempts });
    place.last = { change, answer };
    return answer.body;
  }

  private async replay({ change, answer }: { change: Change; answer: Answer }, client: ApiClient): Promise<void> {
    this.compare(`${change.method} ${change.path} (key ${change.key}), again`, answer, await client.change(change));
  }

  private compare(what: string, first: Answer, second: Answer): void {
    const [one, other] = [first, second].map(({ status, body }) => `${status} ${body.id} ${body.ledgerEntryId}`);
    if (one !== other) this.complaints.push(`${what}: answered ${one}, then ${other}`);
  }
}

async function makeTenant(options: ChangeLoadOptions, operator: ApiClient, at: number): Promise<LoadTenant> {
  const viewKey = randomBytes(32);
  const rootPublicKey = randomBytes(32).toString('base64');
  const body = { name: `tenant ${at}`, rootPublicKey, viewKey: viewKey.toString('base64') };
  const create = (method: string, path: string, wanted: unknown) =>
    operator.change({ method, path, body: wanted, key: randomUUID() });
  const created = await create('POST', '/v1/system/tenants', body);
  if (created.status !== 201) throw new Error(`no tenant: ${created.status} ${JSON.stringify(created.body)}`);
  const { id, ownerApiKey: apiKey } = created.body;
  for (const [quota, allowed] of [
    ['vpcs', 1000],
    ['subnets-per-vpc', 10_000],
  ] as const) {
    const set = await create('PUT', `/v1/system/tenants/${id}/quotas/${quota}`, { allowed });
    if (set.status >= 300) throw new Error(`no quota: ${set.status} ${JSON.stringify(set.body)}`);
  }
  const client = new ApiClient(options.apiUrls, apiKey, options.abandoned);
  return { id, apiKey, viewKey, rootPublicKey, client, acknowledged: [], vpcs: new Map(), subnets: new Map() };
}

function nameOf(random: SeededRandom): string {
  return `name ${random.below(1_000_000)}`;
}
