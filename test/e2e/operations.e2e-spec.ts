import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLogger } from '#telemetry';
import { createApi } from '../../apps/api/src/create-api.js';
import { migrateFolder } from '../../apps/cli/src/migrate/migrate-folder.js';
import { type MigrationStack, type MigrationTenant, startMigrationStack } from '../support/migration-stack.js';
import type { TestReply } from '../support/test-api.js';
import { until } from '../support/until.js';

let stack: MigrationStack;
let tenant: MigrationTenant;

beforeAll(async () => {
  stack = await startMigrationStack();
  tenant = await stack.tenant();
});
afterAll(() => stack?.close());

/** A dataset that a real client has filled. */
async function filledDataset(name: string): Promise<{ datasetId: string; migrationId: string }> {
  const folder = join(stack.folder, name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'file'), randomBytes(3_000_000));
  await migrateFolder({
    ...tenant,
    identities: [],
    folder,
    datasetName: name,
    noRecovery: false,
    skipUnreadable: false,
    patience: { forMs: 20_000 },
  });
  const dataset = (await tenant.call('GET', `/v1/datasets?name=${name}`)).body.items[0];
  const migration = (await tenant.call('GET', `/v1/migrations?datasetId=${dataset.id}`)).body.items[0];
  return { datasetId: dataset.id, migrationId: migration.id };
}

/** A migration that has been started and will get no segments. */
async function startedMigration(name: string): Promise<TestReply> {
  const { datasetId } = await filledDataset(name);
  const migration = await tenant.call('POST', '/v1/migrations', { datasetId });
  return tenant.call('POST', `/v1/migrations/${migration.body.id}/start`);
}

async function operationOf(resourceId: string) {
  const { body } = await tenant.call('GET', `/v1/operations?resourceId=${resourceId}`);
  expect(body.items).toHaveLength(1);
  return body.items[0];
}

interface StreamEvent {
  id: number;
  // biome-ignore lint/suspicious/noExplicitAny: an operation's JSON
  data: any;
}

function eventsOf(text: string): StreamEvent[] {
  return [...text.matchAll(/^id: (\d+)\nevent: operation\ndata: (.*)\n\n/gm)].map(([, id, data]) => ({
    id: Number(id),
    data: JSON.parse(data ?? ''),
  }));
}

describe('a migration', () => {
  it('is an operation that counts placed segments and succeeds with the commit', async () => {
    const { migrationId } = await filledDataset('counted');
    await until('committed', async () => (await operationOf(migrationId)).state === 'succeeded');
    const operation = await operationOf(migrationId);
    expect(operation).toMatchObject({
      kind: 'migration.run',
      resource: { type: 'migration', id: migrationId },
      error: null,
      startedAt: expect.any(String),
      finishedAt: expect.any(String),
    });
    const { segments } = (await tenant.call('GET', `/v1/migrations/${migrationId}`)).body;
    expect(segments.placed).toBeGreaterThan(0);
    expect(operation.progress).toEqual({ done: segments.placed, total: segments.placed, unit: 'segments' });
    const one = await tenant.call('GET', `/v1/operations/${operation.id}`);
    expect(one.body).toEqual(operation);
    expect(one.headers.get('etag')).toBe(`"${operation.version}"`);
  });

  it('gives its operation when it is started, and ends it when it is cancelled', async () => {
    const started = await startedMigration('cancelled');
    expect(started.status).toBe(200);
    const operation = await operationOf(started.body.id);
    expect(operation).toMatchObject({ id: started.body.operationId, state: 'running', finishedAt: null });
    await tenant.call('POST', `/v1/migrations/${started.body.id}/cancel`);
    expect(await operationOf(started.body.id)).toMatchObject({ state: 'cancelled', finishedAt: expect.any(String) });
  });
});

describe('the deletion of a dataset', () => {
  it('is answered with 202 and an operation that can be watched to its end', async () => {
    const { datasetId } = await filledDataset('deleted');
    await stack.worker.stop();
    const deleted = await tenant.call('DELETE', `/v1/datasets/${datasetId}`);
    expect(deleted.status).toBe(202);
    expect(deleted.body).toMatchObject({ state: 'deleting', ledgerEntryId: expect.any(String) });
    const { operationId } = deleted.body;
    const again = await tenant.call('DELETE', `/v1/datasets/${datasetId}`);
    expect([again.status, again.body.operationId]).toEqual([202, operationId]);

    const watching = tenant.call('GET', `/v1/operations/${operationId}/events`);
    await stack.worker.start();
    const stream = await watching;
    expect(stream.status).toBe(200);
    expect(stream.headers.get('content-type')).toBe('text/event-stream');
    const events = eventsOf(stream.body);
    const total = events[0]?.data.progress.total;
    expect(events[0]?.data).toMatchObject({ state: 'running', progress: { done: 0 } });
    expect(total).toBeGreaterThan(0);
    expect(events.at(-1)?.data).toMatchObject({ state: 'succeeded', progress: { done: total, total } });
    expect(events.map((event) => event.id)).toEqual(events.map((event) => event.data.version));
    expect(events.map((event) => event.id)).toEqual([...new Set(events.map((e) => e.id))].sort((a, b) => a - b));
    expect((await tenant.call('GET', `/v1/datasets/${datasetId}`)).status).toBe(404);
  });
});

describe('a stream of events', () => {
  it('goes on after Last-Event-ID, and says 204 when the end was seen', async () => {
    const started = await startedMigration('resumed');
    const path = `/v1/operations/${started.body.operationId}/events`;
    const first = (await operationOf(started.body.id)).version as number;
    const watching = tenant.call('GET', path, undefined, { 'last-event-id': String(first) });
    await tenant.call('POST', `/v1/migrations/${started.body.id}/cancel`);
    const events = eventsOf((await watching).body);
    expect(events.map((event) => [event.id, event.data.state])).toEqual([[first + 1, 'cancelled']]);
    const ended = await tenant.call('GET', path, undefined, { 'last-event-id': String(first + 1) });
    expect([ended.status, ended.body]).toEqual([204, '']);
    expect(eventsOf((await tenant.call('GET', path)).body)).toHaveLength(1);
  });

  it('is one of a bounded number for each tenant, and a client that leaves gives its place back', async () => {
    const started = await startedMigration('bounded');
    const path = `/v1/operations/${started.body.operationId}/events`;
    const key = `Bearer ${tenant.apiKey}`;
    const leaving = new AbortController();
    const open = () => fetch(stack.api.url + path, { headers: { authorization: key }, signal: leaving.signal });
    const streams = await Promise.all(Array.from({ length: 32 }, open));
    expect(new Set(streams.map((stream) => stream.status))).toEqual(new Set([200]));
    const refused = await tenant.call('GET', path);
    expect([refused.status, refused.body.code]).toEqual([429, 'TooManyStreams']);
    expect(refused.headers.get('retry-after')).toBe('1');
    const other = await stack.tenant();
    expect((await other.call('GET', path)).status).toBe(404);
    leaving.abort();
    await tenant.call('POST', `/v1/migrations/${started.body.id}/cancel`);
    await until('a place is free', async () => (await tenant.call('GET', path)).status === 200);
  });

  it('ends when its API process stops', async () => {
    const started = await startedMigration('left-open');
    const { settings, database } = stack.api;
    const logger = createLogger({ process: 'api', level: 'silent' });
    const second = await createApi(settings, database.urls.freehold_api, logger);
    await second.listen(0, '127.0.0.1');
    const reply = await fetch(`${await second.getUrl()}/v1/operations/${started.body.operationId}/events`, {
      headers: { authorization: `Bearer ${tenant.apiKey}` },
    });
    expect(reply.status).toBe(200);
    const text = reply.text();
    await second.close();
    expect(eventsOf(await text).map((event) => event.data.state)).toEqual(['running']);
  });
});

describe('another tenant', () => {
  it('finds nothing: every answer has the bytes of what never was', async () => {
    const { migrationId } = await filledDataset('foreign');
    const { id } = await operationOf(migrationId);
    const other = await stack.tenant();
    expect((await other.call('GET', '/v1/operations')).body).toEqual({ items: [], nextCursor: null });
    expect((await other.call('GET', `/v1/operations?resourceId=${migrationId}`)).body.items).toEqual([]);
    const absent = 'op-0123456789abcdef0';
    for (const tail of ['', '/events']) {
      const headers = { 'x-request-id': 'same' };
      const foreign = await other.call('GET', `/v1/operations/${id}${tail}`, undefined, headers);
      const nothing = await other.call('GET', `/v1/operations/${absent}${tail}`, undefined, headers);
      expect(foreign.status).toBe(404);
      expect(JSON.stringify(foreign.body).replaceAll(id, absent)).toBe(JSON.stringify(nothing.body));
    }
    expect((await stack.api.caller(null)('GET', `/v1/operations/${id}/events`)).status).toBe(401);
  });
});

describe('the list of operations', () => {
  it('is read in pages and filtered', async () => {
    const all = (await tenant.call('GET', '/v1/operations')).body.items;
    const read = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: TestReply = await tenant.call('GET', `/v1/operations?limit=2${cursor && `&cursor=${cursor}`}`);
      read.push(...page.body.items);
      cursor = page.body.nextCursor;
    }
    expect(read.map(({ id }) => id)).toEqual(all.map(({ id }: { id: string }) => id));
    const cancelled = (await tenant.call('GET', '/v1/operations?state=cancelled')).body.items;
    expect(cancelled.length).toBeGreaterThan(0);
    expect(cancelled.every((one: { state: string }) => one.state === 'cancelled')).toBe(true);
    const bad = await tenant.call('GET', '/v1/operations?resourceId=nonsense&state=sleeping');
    expect(bad.body.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual([
      '/query/resourceId',
      '/query/state',
    ]);
  });
});
