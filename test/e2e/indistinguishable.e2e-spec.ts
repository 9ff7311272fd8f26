import { NetworkFixture, succeeded } from '../../libs/network/src/testing/network-fixture.js';
import { type LogBeside, logBeside } from '../support/api-with-log.js';

/**
 * What two tenants do is told apart by nobody outside: they do quite different things, in turn and equally often, and all that
 * is served without an account is looked at for any trace of whose entry is whose.
 */
type Tenant = Awaited<ReturnType<NetworkFixture['api']['tenant']>>;

let fixture: NetworkFixture;
let log: LogBeside;
let acme: Tenant;
let globex: Tenant;
/** Index in the log of each entry of the two, in the order of the log. */
let owners: { index: number; tenant: string }[];
let served: Map<string, Buffer>;

const TURNS = 60;
const ACME_NAME = 'Acme Surgical Robots';
const GLOBEX_NAME = 'Globex Fertiliser Trading';

beforeAll(async () => {
  fixture = await NetworkFixture.start();
  log = await logBeside(fixture.api);
  await fixture.pool('public', '203.0.113.0/24');
  acme = await fixture.api.tenant(ACME_NAME);
  globex = await fixture.api.tenant(GLOBEX_NAME);
  await log.sequencer.tick();
  const vpc = succeeded(await acme.call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16', name: 'operating theatre' }));
  const user = succeeded(await globex.call('POST', '/v1/users', { name: 'Ms Ammonia', roles: ['viewer'] }));
  for (let turn = 0; turn < TURNS; turn += 1) {
    await acmeDoes(vpc.id, turn);
    await globexDoes(user.id, turn);
    if (turn % 10 === 0) await log.sequencer.tick();
  }
  await log.sequencer.tick();
  owners = await log.sql(
    `SELECT leaf_index::float8 AS index, tenant_id AS tenant FROM ledger_leaf
      WHERE tenant_id IN ('${acme.id}', '${globex.id}') ORDER BY leaf_index`,
  );
  served = await everythingOpen();
});
afterAll(async () => {
  await log?.closeLog();
  await fixture?.close();
});

/** Networks, and disclosures of their entries. */
async function acmeDoes(vpcId: string, turn: number): Promise<void> {
  if (turn % 4 === 3) {
    const { items } = (await acme.call('GET', '/v1/ledger/entries?limit=1&action=vpc.created')).body;
    const body = { entryIds: [items[0].id], recipient: 'the health authority' };
    succeeded(await acme.call('POST', '/v1/ledger/disclosures', body));
  } else if (turn % 4 === 2) {
    const quota = { allowed: 5 + turn };
    succeeded(await fixture.api.operator('PUT', `/v1/system/tenants/${acme.id}/quotas/vpcs`, quota));
  } else {
    const tags = { ward: `${turn}`.repeat(40), purpose: 'x'.repeat(turn) };
    succeeded(await acme.call('PATCH', `/v1/vpcs/${vpcId}`, { name: `theatre ${turn}`, tags }));
  }
}

/** Users, datasets, erasures, and reads by the operator. */
async function globexDoes(userId: string, turn: number): Promise<void> {
  if (turn % 4 === 3) {
    const { items } = (await globex.call('GET', '/v1/ledger/entries?order=newest-first&action=user.updated')).body;
    const whole = items.find((item: { erasedBy: string | null; state: string }) => item.state !== 'recorded');
    if (whole) {
      const body = { scope: 'body', reason: 'nobody should know of this' };
      succeeded(await globex.call('POST', `/v1/ledger/entries/${whole.id}/erasures`, body));
      return;
    }
  }
  if (turn % 4 === 2) {
    const body = { reason: 'an investigation into fertiliser', scope: { fromSeq: 1, limit: 1 } };
    succeeded(await fixture.api.operator('POST', `/v1/system/tenants/${globex.id}/break-glass`, body));
  } else if (turn % 4 === 1 && turn < 12) {
    succeeded(await globex.call('POST', '/v1/datasets', { name: `ledger of shipments ${turn}` }));
  } else {
    succeeded(await globex.call('PATCH', `/v1/users/${userId}`, { name: `Ms Ammonia ${turn}` }));
  }
}

/** The bytes, with their headers, of every route that needs no account. */
async function everythingOpen(): Promise<Map<string, Buffer>> {
  const document = (await fixture.api.caller(null)('GET', '/openapi.json')).body;
  const open = new Map<string, Buffer>();
  const size = Number((await fixture.api.caller(null)('GET', '/v1/log')).body.size);
  const parameters: Record<string, string[]> = {
    '{*}': ['0/000', `0/000.p/${size % 256}`, 'entries/000', `entries/000.p/${size % 256}`, 'entries/001'],
    '{index}': ['0', `${size - 1}`],
  };
  for (const path of ['/metrics', '/readyz', '/livez']) {
    open.set(path, Buffer.from(await (await fetch(fixture.api.url + path)).arrayBuffer()));
  }
  // biome-ignore lint/suspicious/noExplicitAny: the document is read as it comes
  for (const [path, methods] of Object.entries(document.paths as Record<string, Record<string, any>>)) {
    if (methods.get?.security?.length !== 0 || path.endsWith('/events')) continue;
    const name = /\{[^}]+\}/.exec(path)?.[0];
    for (const value of name === undefined ? [''] : (parameters[name] ?? ['0'])) {
      for (const query of ['', '?limit=1000', `?index=${size - 1}`, `?from=1&to=${size}`, `?first=1&second=${size}`]) {
        const filled = `${name === undefined ? path : path.replace(name, value)}${query}`;
        const reply = await fetch(fixture.api.url + filled);
        const headers = [...reply.headers].map(([header, text]) => `${header}: ${text}\n`).join('');
        open.set(filled, Buffer.concat([Buffer.from(headers), Buffer.from(await reply.arrayBuffer())]));
      }
    }
  }
  return open;
}

interface OpenLeaf {
  index: number;
  bytes: Buffer;
  leaf: Record<string, string>;
}

async function openLeaves(): Promise<OpenLeaf[]> {
  const { items } = (await fixture.api.caller(null)('GET', '/v1/log/leaves?limit=1000')).body;
  return items.map(({ index, leaf }: { index: number; leaf: string }) => {
    const bytes = Buffer.from(leaf, 'base64');
    return { index, bytes, leaf: JSON.parse(bytes.toString()) };
  });
}

describe('the open log', () => {
  it('was asked for all that it gives', () => {
    const paths = [...served.keys()].map((path) => path.replace(/\?.*/, ''));
    for (const path of ['/v1/log', '/v1/log/checkpoint', '/v1/log/leaves', '/v1/log/keys', '/v1/log/witnesses']) {
      expect(paths).toContain(path);
    }
    expect(served.size).toBeGreaterThan(40);
    expect(owners.length).toBeGreaterThan(2 * TURNS);
  });

  it('names neither tenant nor action, resource, actor or name, in no byte and in no encoding', async () => {
    const rows = await log.sql<{ body: Buffer }>('SELECT body FROM ledger_entry WHERE body IS NOT NULL');
    const secrets = new Set<string>([ACME_NAME, GLOBEX_NAME, 'theatre', 'Ammonia', 'fertiliser', 'shipments']);
    for (const { body } of rows) {
      const { id, tenant, action, actor, keyId, resource, requestId } = JSON.parse(body.toString());
      for (const text of [id, tenant, action, actor.id, keyId, resource.id, requestId]) if (text) secrets.add(text);
    }
    for (const prefix of ['tnt-', 'usr-', 'led-', 'vpc-', '10.0.0.0']) secrets.add(prefix);
    const leaks: string[] = [];
    for (const [path, bytes] of served) {
      const texts = [bytes.toString('latin1'), ...decodings(bytes)];
      for (const secret of secrets) if (texts.some((text) => text.includes(secret))) leaks.push(`${path}: ${secret}`);
    }
    expect(leaks).toEqual([]);
  });

  it('has leaves of one shape and one length for everybody, of which tag and commitment alone differ', async () => {
    const leaves = await openLeaves();
    expect(new Set(leaves.map(({ bytes }) => bytes.length)).size).toBe(1);
    const shapes = leaves.map(({ leaf: { tag: _tag, commit: _commit, ...rest } }) => JSON.stringify(rest));
    expect(new Set(shapes).size).toBe(1);
    for (const { leaf } of leaves) {
      expect(Object.keys(leaf)).toEqual(['commit', 'origin', 'tag', 'v']);
      expect(leaf.tag).toMatch(/^[0-9a-f]{64}$/);
      expect(leaf.commit).toMatch(/^[0-9a-f]{64}$/);
    }
    const values = leaves.flatMap(({ leaf }) => [leaf.tag, leaf.commit]);
    expect(new Set(values).size).toBe(values.length);
  });

  it('has tags and commitments that tell the two no better than coins do', async () => {
    const leaves = new Map((await openLeaves()).map(({ index, leaf }) => [index, leaf]));
    const bitsOf = (tenant: string) =>
      owners
        .filter((owner) => owner.tenant === tenant)
        .map(({ index }) => Buffer.from(leaves.get(index)!.tag! + leaves.get(index)!.commit!, 'hex'));
    const [ours, theirs] = [bitsOf(acme.id), bitsOf(globex.id)];
    // Each of the 512 bits, as often set for the one as for the other: a difference of six standard deviations is no chance.
    for (let bit = 0; bit < 512; bit += 1) {
      const share = (values: Buffer[]) =>
        values.filter((value) => (value[bit >> 3]! >> (bit & 7)) & 1).length / values.length;
      const deviation = Math.sqrt(0.25 / ours.length + 0.25 / theirs.length);
      expect(Math.abs(share(ours) - share(theirs))).toBeLessThan(6 * deviation);
    }
    // Neighbours of one tenant are as far from each other as neighbours of two: half of their bits.
    const distance = (one: Buffer, other: Buffer) =>
      one.reduce((sum, byte, at) => sum + popcount(byte ^ other[at]!), 0) / (8 * one.length);
    const mean = (pairs: [Buffer, Buffer][]) => pairs.reduce((sum, [a, b]) => sum + distance(a, b), 0) / pairs.length;
    const within = mean([...pairsOf(ours, ours.slice(1)), ...pairsOf(theirs, theirs.slice(1))]);
    const across = mean(pairsOf(ours, theirs));
    for (const value of [within, across]) expect(Math.abs(value - 0.5)).toBeLessThan(0.02);
  });

  it('says the same of the log, whoever did how much of what', async () => {
    const before = JSON.stringify([...served].filter(([path]) => path.startsWith('/v1/log')).map(([path]) => path));
    const again = await everythingOpen();
    expect(JSON.stringify([...again].filter(([path]) => path.startsWith('/v1/log')).map(([path]) => path))).toBe(
      before,
    );
    // What an erasure, a disclosure or a read by the operator leaves is one leaf, as everything else is.
    const rows = await log.sql<{ action: string; n: number }>(
      `SELECT e.action, count(*)::int AS n FROM ledger_entry e JOIN ledger_leaf l ON l.tenant_id = e.tenant_id
          AND l.entry_id = e.id WHERE e.action IN ('ledger-entry.erased', 'disclosure.created', 'break-glass.read') GROUP BY 1`,
    );
    expect(rows.map(({ action }) => action).sort()).toEqual([
      'break-glass.read',
      'disclosure.created',
      'ledger-entry.erased',
    ]);
  });
});

/** Everything in a reply that is base64 or hexadecimal, as the text that it would be. */
function decodings(bytes: Buffer): string[] {
  const text = bytes.toString('latin1');
  return [
    ...(text.match(/[A-Za-z0-9+/]{16,}={0,2}/g) ?? []).map((part) => Buffer.from(part, 'base64').toString('latin1')),
    ...(text.match(/[0-9a-f]{16,}/g) ?? []).map((part) => Buffer.from(part, 'hex').toString('latin1')),
  ];
}

function pairsOf(ones: Buffer[], others: Buffer[]): [Buffer, Buffer][] {
  return others.slice(0, ones.length).map((other, at) => [ones[at]!, other]);
}

function popcount(byte: number): number {
  return byte.toString(2).replaceAll('0', '').length;
}
