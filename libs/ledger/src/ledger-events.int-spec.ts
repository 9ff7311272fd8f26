import { Test } from '@nestjs/testing';
import { DatabaseModule } from '#database';
import { KeyringModule } from '#keyring';
import { parseCheckpoint, parseVkey, verifyNote } from '#merkle';
import { nodeCrypto } from '#proof';
import { ClockModule, createLogger } from '#telemetry';
import { createApi } from '../../../apps/api/src/create-api.js';
import { freehold } from '../../../apps/cli/src/testing/recording-terminal.js';
import { EventReader } from '../../../test/support/event-reader.js';
import { startTestApi, type TestApi } from '../../../test/support/test-api.js';
import { until } from '../../../test/support/until.js';
import { LedgerModule, Sequencer, SequencerModule } from './index.js';

const STREAMS = 4;
let api: TestApi;
let sequencer: Sequencer;
let close: () => Promise<void>;
type Tenant = Awaited<ReturnType<TestApi['tenant']>>;
const open: EventReader[] = [];

beforeAll(async () => {
  api = await startTestApi({ FREEHOLD_STREAMS_PER_CLIENT: String(STREAMS), FREEHOLD_STREAM_CHECK_MS: '50' });
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
  await api.tenant();
  await sequencer.tick();
});
afterEach(() => {
  for (const reader of open.splice(0)) reader.leave();
});
afterAll(async () => {
  await close?.();
  await api?.close();
});

async function follow(
  path: string,
  tenant: Tenant | null,
  headers: Record<string, string> = {},
  url = api.url,
): Promise<EventReader> {
  const reader = await EventReader.open(url + path, tenant?.apiKey ?? null, headers);
  open.push(reader);
  return reader;
}

/** Each user is one entry; their ids are those of the entries. */
async function makeEntries(tenant: Tenant, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let at = 0; at < count; at += 1) {
    const name = `user ${at} ${Math.random()}`;
    const reply = await tenant.call('POST', '/v1/users', { name, roles: ['viewer'] });
    expect(reply.status).toBe(201);
    ids.push(reply.body.ledgerEntryId);
  }
  return ids;
}

const idsOf = (reader: EventReader) => reader.events.map(({ id }) => Number(id));

describe('the stream of checkpoints', () => {
  it('begins with the newest, and goes on with each as it is published, for everybody', async () => {
    const tenant = await api.tenant();
    await sequencer.tick();
    const reader = await follow('/v1/log/events', null);
    expect([reader.status, reader.contentType]).toEqual([200, 'text/event-stream']);
    await until('the newest checkpoint', () => reader.events.length === 1);
    for (let at = 2; at <= 4; at += 1) {
      await makeEntries(tenant, 1);
      await sequencer.tick();
      await until('the next checkpoint', () => reader.events.length === at);
    }
    const log = (await api.caller(null)('GET', '/v1/log')).body;
    for (const { id, event, data } of reader.events) {
      expect([event, id]).toEqual(['checkpoint', String(data.size)]);
      await verifyNote(data.checkpoint, [parseVkey(nodeCrypto.sha256, log.vkey)], nodeCrypto.ed25519Verify);
      const { size, root } = parseCheckpoint(data.checkpoint.slice(0, data.checkpoint.indexOf('\n\n') + 1));
      expect([size, Buffer.from(root).toString('hex')]).toEqual([data.size, data.root]);
    }
    expect(reader.events.at(-1)?.data).toMatchObject({ size: log.size, root: log.root });
  });

  it('goes on behind Last-Event-ID with no gap and no repetition, and behind `after` without one', async () => {
    const tenant = await api.tenant();
    const before = (await api.caller(null)('GET', '/v1/log')).body.size as number;
    const sizes: number[] = [];
    for (let at = 0; at < 3; at += 1) {
      await makeEntries(tenant, 1);
      await sequencer.tick();
      sizes.push((await api.caller(null)('GET', '/v1/log')).body.size);
    }
    const all = await follow(`/v1/log/events?after=${before}`, null);
    await until('all three', () => all.events.length === 3);
    expect(idsOf(all)).toEqual(sizes);
    // An EventSource that comes again keeps its address: the header goes first.
    const again = await follow(`/v1/log/events?after=${before}`, null, { 'last-event-id': String(sizes[0]) });
    await until('the last two', () => again.events.length === 2);
    expect(idsOf(again)).toEqual(sizes.slice(1));
  });

  it('refuses a place that is ahead of the log, or no place', async () => {
    const ahead = await api.caller(null)('GET', '/v1/log/events?after=1000000');
    expect(ahead).toMatchObject({ status: 409, body: { code: 'AheadOfLog', errors: [{ pointer: '/query/after' }] } });
    const no = await api.caller(null)('GET', '/v1/log/events', undefined, { 'last-event-id': '1e3' });
    expect(no).toMatchObject({ status: 400, body: { errors: [{ pointer: '/header/last-event-id' }] } });
    const bad = await api.caller(null)('GET', '/v1/log/events?after=-1&before=2');
    expect(bad.body.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([
      '/query/after',
      '/query/before',
    ]);
  });

  it('is one of a bounded number for a network, and a client that leaves gives its place back', async () => {
    const readers = await Promise.all(Array.from({ length: STREAMS }, () => follow('/v1/log/events', null)));
    expect(readers.map((reader) => reader.status)).toEqual(readers.map(() => 200));
    const refused = await api.caller(null)('GET', '/v1/log/events');
    expect([refused.status, refused.body.code]).toEqual([429, 'TooManyStreams']);
    readers[0]?.leave();
    await until('a place is free', async () => (await follow('/v1/log/events', null)).status === 200);
  });
});

describe("the stream of a tenant's entries", () => {
  it('has each of its own once, in the order of its chain, as the read has it, and nothing of others', async () => {
    const acme = await api.tenant();
    const globex = await api.tenant();
    await sequencer.tick();
    const [mine, theirs] = [await follow('/v1/ledger/events', acme), await follow('/v1/ledger/events', globex)];
    const ids = await makeEntries(acme, 3);
    const others = await makeEntries(globex, 2);
    expect(mine.events).toEqual([]);
    await sequencer.tick();
    ids.push(...(await makeEntries(acme, 2)));
    await sequencer.tick();
    await until('all five', () => mine.events.length === 5);
    await until('both of the others', () => theirs.events.length === 2);
    expect(mine.events.map(({ data }) => data.id)).toEqual(ids);
    expect(theirs.events.map(({ data }) => data.id)).toEqual(others);
    expect(mine.events.map(({ event, id }) => [event, id])).toEqual(
      mine.events.map(({ data }) => ['entry', String(data.tenantSeq)]),
    );
    const read = await acme.call('GET', `/v1/ledger/entries/${ids[0]}`);
    expect(mine.events[0]?.data).toEqual(read.body);
    expect(read.body.state).toBe('published');
  });

  it('loses nothing to a client that is cut off, before its first event or later, and gives all to `after=0`', async () => {
    const acme = await api.tenant();
    await sequencer.tick();
    const first = await follow('/v1/ledger/events', acme);
    await until('it knows where it stands', () => first.lastId !== undefined);
    first.leave();
    const ids = await makeEntries(acme, 3);
    await sequencer.tick();
    const second = await follow('/v1/ledger/events', acme, { 'last-event-id': first.lastId! });
    await until('all three', () => second.events.length === 3);
    const third = await follow('/v1/ledger/events', acme, { 'last-event-id': second.events[1]!.id });
    await until('the last', () => third.events.length === 1);
    expect([...second.events.slice(0, 2), ...third.events].map(({ data }) => data.id)).toEqual(ids);
    const all = await follow('/v1/ledger/events?after=0', acme);
    const { items } = (await acme.call('GET', '/v1/ledger/entries')).body;
    await until('the whole chain', () => all.events.length === items.length);
    expect(all.events.map(({ data }) => data)).toEqual(items);
  });

  it('is the same for all that follow it at once', async () => {
    const acme = await api.tenant();
    await sequencer.tick();
    const readers = await Promise.all(Array.from({ length: STREAMS }, () => follow('/v1/ledger/events', acme)));
    const ids = await makeEntries(acme, 30);
    await sequencer.tick();
    await until('all have all', () => readers.every((reader) => reader.events.length === ids.length));
    for (const reader of readers) expect(reader.events.map(({ data }) => data.id)).toEqual(ids);
  });

  it.each([
    [
      'its key is revoked',
      async ({ call }: Tenant) => {
        const [key] = (await call('GET', '/v1/api-keys')).body.items;
        expect((await call('DELETE', `/v1/api-keys/${key.id}`)).status).toBe(200);
      },
    ],
    [
      'its tenant is suspended',
      async ({ id }: Tenant) => {
        expect((await api.operator('POST', `/v1/system/tenants/${id}/suspend`)).status).toBe(200);
      },
    ],
  ])('ends when %s', async (_what, stop) => {
    const acme = await api.tenant();
    await sequencer.tick();
    const reader = await follow('/v1/ledger/events?after=0', acme);
    await until('it runs', () => reader.events.length > 0);
    await stop(acme);
    await until('it ends', () => reader.ended);
  });

  it('needs the permission, and a key', async () => {
    expect((await api.caller(null)('GET', '/v1/ledger/events')).status).toBe(401);
    const acme = await api.tenant();
    const [user] = (await acme.call('GET', '/v1/users')).body.items;
    const narrow = await acme.call('POST', '/v1/api-keys', { userId: user.id, name: 'k', scopes: ['network:read'] });
    expect((await api.caller(narrow.body.apiKey)('GET', '/v1/ledger/events')).status).toBe(403);
  });

  it('ends when its process stops', async () => {
    const acme = await api.tenant();
    await sequencer.tick();
    const logger = createLogger({ process: 'api', level: 'silent' });
    const second = await createApi(api.settings, api.database.urls.freehold_api, logger);
    await second.listen(0, '127.0.0.1');
    const url = await second.getUrl();
    const readers = [
      await follow('/v1/ledger/events?after=0', acme, {}, url),
      await follow('/v1/log/events', null, {}, url),
    ];
    await until('they run', () => readers.every((reader) => reader.events.length > 0));
    await second.close();
    await until('they end', () => readers.every((reader) => reader.ended));
  });
});

describe('the follow commands', () => {
  it('print what comes, one line each, until enough was seen, and refuse what the API refuses', async () => {
    const acme = await api.tenant();
    await sequencer.tick();
    const env = { FREEHOLD_URL: api.url, FREEHOLD_API_KEY: acme.apiKey, FREEHOLD_CONFIG: '/nonexistent/config.json' };
    const json = await freehold(['ledger', 'follow', '--after', '0', '--count', '2', '-o', 'json'], { env });
    const lines = json.out.trimEnd().split('\n');
    const { items } = (await acme.call('GET', '/v1/ledger/entries?limit=2')).body;
    expect([json.code, lines.map((line) => JSON.parse(line))]).toEqual([0, items]);
    const table = await freehold(['log', 'follow', '--count', '1'], { env });
    const log = (await api.caller(null)('GET', '/v1/log')).body;
    expect(table).toMatchObject({ code: 0, out: `${log.size}  ${log.root}\n` });
    expect(await freehold(['log', 'follow', '--after', '99999'], { env })).toMatchObject({ code: 5, out: '' });
    expect(await freehold(['log', 'follow', '--after', '-1'], { env })).toMatchObject({ code: 2 });
  });
});
