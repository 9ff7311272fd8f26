import { Test } from '@nestjs/testing';
import { DatabaseModule } from '#database';
import { newId } from '#kernel';
import { KeyringModule } from '#keyring';
import {
  decodeEntryBundle,
  parseCheckpoint,
  parseVkey,
  TileTree,
  TreeHasher,
  tilePath,
  toHex,
  verifyNote,
} from '#merkle';
import { nodeCrypto, verifyBundle, verifyReceipt } from '#proof';
import { ClockModule } from '#telemetry';
import { startTestApi, type TestApi } from '../../../test/support/test-api.js';
import { LedgerModule, Sequencer, SequencerModule } from './index.js';

const crypto = nodeCrypto;
const hasher = new TreeHasher(crypto.sha256);
let api: TestApi;
let sequencer: Sequencer;
let close: () => Promise<void>;
let acme: Awaited<ReturnType<TestApi['tenant']>>;
let globex: Awaited<ReturnType<TestApi['tenant']>>;

beforeAll(async () => {
  api = await startTestApi();
  const worker = await Test.createTestingModule({
    imports: [
      DatabaseModule.forRoot({ url: api.database.urls.freehold_system, role: 'system', applicationName: 'test' }),
      ClockModule.forRoot(),
      KeyringModule.forRoot(api.settings),
      LedgerModule.forRoot(api.settings),
      SequencerModule.forRoot(api.settings),
    ],
  }).compile();
  sequencer = worker.get(Sequencer);
  close = () => worker.close();
  acme = await api.tenant();
  globex = await api.tenant();
});
afterAll(async () => {
  await close?.();
  await api?.close();
});

const bytesOf = async (path: string, key?: string): Promise<Uint8Array> => {
  const reply = await fetch(api.url + path, { headers: key ? { authorization: `Bearer ${key}` } : {} });
  expect(reply.status).toBe(200);
  return new Uint8Array(await reply.arrayBuffer());
};

async function createVpc(tenant: typeof acme): Promise<{ id: string; ledgerEntryId: string; promise: string }> {
  const reply = await tenant.call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' });
  expect(reply.status).toBe(201);
  return reply.body;
}

describe('a change', () => {
  it('can be looked up at once, and proven once the log has taken it in', async () => {
    const vpc = await createVpc(acme);
    const path = `/v1/ledger/entries/${vpc.ledgerEntryId}`;
    const recorded = await acme.call('GET', path);
    expect(recorded).toMatchObject({
      status: 200,
      body: {
        id: vpc.ledgerEntryId,
        state: 'recorded',
        action: 'vpc.created',
        resource: { type: 'vpc', id: vpc.id },
        index: null,
        tenantSeq: null,
        anchor: null,
      },
    });
    expect(await acme.call('GET', `${path}/receipt`)).toMatchObject({ status: 409, body: { code: 'ReceiptNotReady' } });
    await sequencer.tick();
    const published = await acme.call('GET', path);
    expect(published.body).toMatchObject({
      state: 'published',
      tenantSeq: expect.any(Number),
      index: expect.any(Number),
    });
    const receipt = await bytesOf(`${path}/receipt`, acme.apiKey);
    const { vkey } = (await api.caller(null)('GET', '/v1/log')).body;
    const report = await verifyReceipt(receipt, { crypto, log: vkey, viewKey: acme.viewKey });
    expect(report).toMatchObject({ ok: true, pinned: true, anchored: false });
    expect(report.steps.find(({ step }) => step === 'anchor')).toMatchObject({
      step: 'anchor',
      entryId: vpc.ledgerEntryId,
      detail: expect.stringContaining('pending'),
    });
  });

  it("is nobody else's to see", async () => {
    const { ledgerEntryId } = await createVpc(acme);
    await sequencer.tick();
    for (const suffix of ['', '/receipt']) {
      const foreign = await globex.call('GET', `/v1/ledger/entries/${ledgerEntryId}${suffix}`);
      const absent = await globex.call('GET', `/v1/ledger/entries/${newId('ledgerEntry')}${suffix}`);
      expect(foreign).toMatchObject({ status: 404, body: { code: 'NotFound' } });
      expect(Object.keys(foreign.body)).toEqual(Object.keys(absent.body));
      expect((await api.caller(null)('GET', `/v1/ledger/entries/${ledgerEntryId}${suffix}`)).status).toBe(401);
    }
    const { items } = (await globex.call('GET', '/v1/ledger/entries')).body;
    expect(items.some((item: { id: string }) => item.id === ledgerEntryId)).toBe(false);
  });
});

describe('the list of entries', () => {
  it('follows the chain in pages, either way, and finds the history of a resource', async () => {
    const vpc = await createVpc(acme);
    await acme.call('PATCH', `/v1/vpcs/${vpc.id}`, { name: 'renamed' });
    await sequencer.tick();
    const seen: number[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page = await acme.call('GET', `/v1/ledger/entries?limit=2${cursor ? `&cursor=${cursor}` : ''}`);
      seen.push(...page.body.items.map((item: { tenantSeq: number }) => item.tenantSeq));
      cursor = page.body.nextCursor;
    }
    expect(seen).toEqual(seen.map((_, at) => at + 1));
    const newest = await acme.call('GET', '/v1/ledger/entries?order=newest-first&limit=1');
    expect(newest.body.items[0].tenantSeq).toBe(seen.length);
    const history = await acme.call('GET', `/v1/ledger/entries?resourceId=${vpc.id}`);
    expect(history.body.items.map((item: { action: string }) => item.action)).toEqual(['vpc.created', 'vpc.updated']);
  });

  it('shows what is not in the log yet when asked, once and in its place', async () => {
    const own = await api.tenant();
    const first = await createVpc(own);
    await sequencer.tick();
    const second = await createVpc(own);
    const ids = async (query: string) =>
      (await own.call('GET', `/v1/ledger/entries?action=vpc.created&limit=1000&${query}`)).body.items.map(
        (item: { id: string }) => item.id,
      );
    expect(await ids('')).not.toContain(second.ledgerEntryId);
    expect((await ids('includePending=true')).slice(-2)).toEqual([first.ledgerEntryId, second.ledgerEntryId]);
    expect((await ids('includePending=true&order=newest-first')).slice(0, 2)).toEqual([
      second.ledgerEntryId,
      first.ledgerEntryId,
    ]);
    expect(await ids(`includePending=true&scopeId=${second.id}`)).toEqual([second.ledgerEntryId]);
    expect(await ids(`includePending=true&scopeId=${second.id}&toIndex=100000`)).toEqual([]);
    await sequencer.tick();
    expect((await ids('includePending=true')).filter((id: string) => id === second.ledgerEntryId)).toHaveLength(1);
  });

  it("finds a VPC's own entries and those of what is in it", async () => {
    const own = await api.tenant();
    const vpc = await createVpc(own);
    await createVpc(own);
    const subnet = await own.call('POST', '/v1/subnets', { vpcId: vpc.id, cidrBlock: '10.0.1.0/24', zone: 'zone-1' });
    expect(subnet.status).toBe(201);
    await sequencer.tick();
    const { body } = await own.call('GET', `/v1/ledger/entries?scopeId=${vpc.id}`);
    expect(body.items.map((item: { action: string }) => item.action)).toEqual([
      'vpc.created',
      'route-table.created',
      'subnet.created',
    ]);
    const narrowed = await own.call('GET', `/v1/ledger/entries?scopeId=${vpc.id}&action=subnet.*&resourceType=subnet`);
    expect(narrowed.body.items.map((item: { id: string }) => item.id)).toEqual([subnet.body.ledgerEntryId]);
    const foreign = await globex.call('GET', `/v1/ledger/entries?scopeId=${vpc.id}`);
    expect(foreign).toMatchObject({ status: 200, body: { items: [], nextCursor: null } });
  });

  it.each([
    'action=Subnet.created',
    'action=subnet.*.created',
    'action=*',
    'from=yesterday',
    'to=2026-11-26',
    'from=1969-12-31T23:59:59Z',
    'fromIndex=-1',
    'toIndex=1.5',
    'includePending=yes',
    'actorId=',
    'resourceType=a%20b',
    'scopeId=vpc%00',
  ])('refuses ?%s with the parameter, the rule and a fix', async (query) => {
    const reply = await acme.call('GET', `/v1/ledger/entries?${query}`);
    expect(reply).toMatchObject({
      status: 400,
      body: {
        errors: [{ pointer: `/query/${query.split('=')[0]}`, rule: expect.any(String), fix: expect.any(String) }],
      },
    });
  });

  it.each(['order=x', 'cursor=eyJ2IjoxLCJrIjoieCJ9', 'resourceId=%00', 'unknown=1'])('refuses ?%s', async (query) => {
    expect((await acme.call('GET', `/v1/ledger/entries?${query}`)).status).toBe(400);
  });
});

describe('the open log', () => {
  it('can be read and checked by anybody: checkpoint, tiles and bundles agree', async () => {
    for (let at = 0; at < 3; at++) await createVpc(globex);
    await sequencer.tick();
    const anyone = api.caller(null);
    const overview = (await anyone('GET', '/v1/log')).body;
    const note = await anyone('GET', '/v1/log/checkpoint');
    expect(note.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    const { text } = await verifyNote(note.body, [parseVkey(crypto.sha256, overview.vkey)], crypto.ed25519Verify);
    const checkpoint = parseCheckpoint(text);
    expect(checkpoint).toMatchObject({ origin: overview.origin, size: overview.size });
    const tree = new TileTree(hasher, checkpoint.size, (tile) => bytesOf(`/v1/log/${tilePath(tile)}`));
    expect(toHex(await tree.root())).toBe(toHex(checkpoint.root));
    const entries = decodeEntryBundle(await bytesOf(`/v1/log/tile/entries/000.p/${checkpoint.size}`));
    expect(entries).toHaveLength(checkpoint.size);
    const leaves = (await anyone('GET', '/v1/log/leaves?limit=1000')).body;
    expect(leaves.size).toBe(checkpoint.size);
    for (const [index, entry] of entries.entries()) {
      expect(toHex(await tree.leafHash(index))).toBe(toHex(hasher.leaf(entry)));
      expect(leaves.items[index]).toMatchObject({ index, hash: toHex(hasher.leaf(entry)) });
    }
    const open = JSON.stringify(leaves) + note.body + Buffer.concat(entries).toString('latin1');
    for (const secret of [acme.id, globex.id, 'vpc-', 'led-', '10.0.0.0']) expect(open).not.toContain(secret);
  });

  it.each([
    'tile/0/001',
    'tile/1/000',
    'tile/0/000.p/255',
    'tile/0/000',
    'tile/entries/001',
    'tile/0/x000/000',
    'tile/9/9',
  ])('has no %s', async (path) => {
    expect(await api.caller(null)('GET', `/v1/log/${path}`)).toMatchObject({ status: 404, body: { code: 'NotFound' } });
  });
});

describe('the audit bundle', () => {
  it('proves the list of each tenant complete', async () => {
    await createVpc(acme);
    await sequencer.tick();
    const { vkey, size } = (await api.caller(null)('GET', '/v1/log')).body;
    const bundle = await bytesOf('/v1/ledger/bundle', acme.apiKey);
    const report = await verifyBundle([bundle], { crypto, log: vkey, viewKey: acme.viewKey });
    expect(report).toMatchObject({ ok: true, pinned: true, tenant: acme.id, leaves: size, complete: true });
    const listed = await acme.call('GET', '/v1/ledger/entries?limit=1000');
    expect(report.entries).toBe(listed.body.items.length);
    const other = await bytesOf('/v1/ledger/bundle', globex.apiKey);
    expect(await verifyBundle([other], { crypto, log: vkey, viewKey: globex.viewKey })).toMatchObject({
      complete: true,
    });
    expect((await api.caller(null)('GET', '/v1/ledger/bundle')).status).toBe(401);
  });

  it('up to an anchor is refused while nothing is anchored', async () => {
    const reply = await acme.call('GET', '/v1/ledger/bundle?upTo=anchored');
    expect(reply).toMatchObject({ status: 409, body: { code: 'LogEmpty' } });
  });
});

describe('without witnesses', () => {
  it('the log says that nobody watches it, and no checkpoint is witnessed', async () => {
    const anyone = api.caller(null);
    const nobody = { threshold: 0, required: false, witnessedSize: 0, witnesses: [] };
    expect(await anyone('GET', '/v1/log/witnesses')).toMatchObject({ status: 200, body: nobody });
    expect(await api.operator('GET', '/v1/system/witnesses')).toMatchObject({ status: 200, body: nobody });
    const witnessed = await anyone('GET', '/v1/log/checkpoint/witnessed');
    expect(witnessed).toMatchObject({ status: 409, body: { code: 'NotWitnessed' } });
    expect((await anyone('GET', '/v1/system/witnesses')).status).toBe(401);
    expect((await acme.call('GET', '/v1/system/witnesses')).status).toBe(403);
  });
});

describe('before the first checkpoint', () => {
  it('the log says so', async () => {
    const fresh = await startTestApi();
    try {
      const anyone = fresh.caller(null);
      expect(await anyone('GET', '/v1/log')).toMatchObject({ status: 200, body: { size: 0, root: null } });
      for (const path of ['checkpoint', 'tile/0/000.p/1', 'leaves']) {
        expect(await anyone('GET', `/v1/log/${path}`)).toMatchObject({ status: 409, body: { code: 'LogEmpty' } });
      }
    } finally {
      await fresh.close();
    }
  });
});
