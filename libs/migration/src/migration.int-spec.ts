import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { Tx } from '#database';
import {
  type DatasetKeys,
  deriveDatasetKeys,
  type ManifestStatement,
  newDatasetKey,
  newSigningKeyPem,
  type SegmentRecord,
  signerFromPem,
  signKeyDocument,
  signManifest,
} from '#dataset';
import { type DatasetId, type MigrationId, newId, type StorageNodeId, type TenantId } from '#kernel';
import {
  type MigrationStack,
  type MigrationTenant,
  startMigrationStack,
} from '../../../test/support/migration-stack.js';
import { until } from '../../../test/support/until.js';
import { SegmentRepository } from './infra/segment.repository.js';
import { sealedSegment, segmentsOf } from './testing/sealed-segment.js';

let stack: MigrationStack;
let system: pg.Client;
beforeAll(async () => {
  stack = await startMigrationStack(7);
  system = new pg.Client({ connectionString: stack.api.database.urls.freehold_system });
  await system.connect();
});
afterAll(async () => {
  await system?.end();
  await stack?.close();
});

/** A tenant with a dataset, its keys, and a migration that was started. */
interface Moving {
  tenant: MigrationTenant;
  datasetId: DatasetId;
  migrationId: MigrationId;
  keys: DatasetKeys;
}

async function keyedDataset(tenant: MigrationTenant): Promise<{ datasetId: DatasetId; keys: DatasetKeys }> {
  const created = await tenant.call('POST', '/v1/datasets', { name: `data ${randomBytes(4).toString('hex')}` });
  expect(created.status).toBe(201);
  const datasetId = created.body.id as DatasetId;
  const keys = deriveDatasetKeys(datasetId, newDatasetKey());
  const document = signKeyDocument(tenant.signer, {
    dataset: datasetId,
    wrapped: 'age',
    recipients: ['age1x', 'age1y'],
    recovery: true,
    keyCheck: keys.keyCheck.toString('hex'),
  });
  expect((await tenant.call('PUT', `/v1/datasets/${datasetId}/key`, document)).status).toBe(200);
  return { datasetId, keys };
}

async function moving(tenant?: MigrationTenant): Promise<Moving> {
  const owner = tenant ?? (await stack.tenant());
  const { datasetId, keys } = await keyedDataset(owner);
  const created = await owner.call('POST', '/v1/migrations', { datasetId });
  expect(created.status).toBe(201);
  const migrationId = created.body.id as MigrationId;
  const started = await owner.call('POST', `/v1/migrations/${migrationId}/start`);
  expect(started).toMatchObject({ status: 200, body: { state: 'scanning' } });
  return { tenant: owner, datasetId, migrationId, keys };
}

async function announce({ tenant, migrationId }: Moving, ...records: SegmentRecord[]) {
  const reply = await tenant.call('POST', `/v1/migrations/${migrationId}/segments`, { segments: records });
  expect(reply.status).toBe(200);
  return reply.body.segments as {
    id: string;
    ordinal: number;
    state: string;
    upload: { url: string; ticket: string } | null;
  }[];
}

function put(url: string, ticket: string | null, body: Uint8Array | undefined, headers: Record<string, string> = {}) {
  return fetch(url, {
    method: 'PUT',
    body,
    headers: {
      'content-type': 'application/octet-stream',
      ...(ticket === null ? {} : { authorization: `Ticket ${ticket}` }),
      ...headers,
    },
  });
}

async function upload(move: Moving, sealed: { record: SegmentRecord; bytes: Buffer }) {
  const [standing] = await announce(move, sealed.record);
  const reply = await put(standing!.upload!.url, standing!.upload!.ticket, sealed.bytes);
  expect(reply.status).toBe(201);
  return { ordinal: standing!.ordinal, record: sealed.record };
}

async function segmentRow(record: SegmentRecord) {
  const { rows } = await system.query('SELECT state, reason, placement_epoch FROM segment WHERE id = $1', [record.id]);
  return rows[0] as { state: string; reason: string | null; placement_epoch: number };
}

async function shardsOf(record: SegmentRecord): Promise<{ slot: number; node_id: string; name: Buffer }[]> {
  return (await system.query('SELECT slot, node_id, name FROM shard WHERE segment_id = $1 ORDER BY slot', [record.id]))
    .rows;
}

const placed = (record: SegmentRecord) =>
  until(`${record.id} is placed`, async () => (await segmentRow(record)).state === 'placed');

function statementOf(move: Moving, segments: Parameters<typeof segmentsOf>[0], over: Partial<ManifestStatement> = {}) {
  return {
    format: 'freehold-manifest' as const,
    v: 1 as const,
    tenant: move.tenant.id as TenantId,
    dataset: move.datasetId,
    migration: move.migrationId,
    version: 1,
    previous: null,
    time: new Date().toISOString(),
    keyCheck: move.keys.keyCheck.toString('hex'),
    segments: segmentsOf(segments),
    tree: {
      segments: segments.filter(({ record }) => record.kind === 'tree').map(({ ordinal }) => ordinal),
      size: 1,
      hash: '00'.repeat(32),
    },
    ...over,
  };
}

function submit(move: Moving, statement: Omit<ManifestStatement, 'signer'>, signer = move.tenant.signer) {
  const manifest = signManifest(signer, statement);
  return move.tenant.call('PUT', `/v1/migrations/${move.migrationId}/manifest`, {
    statement: Buffer.from(manifest.statement).toString('base64'),
    signature: Buffer.from(manifest.signature).toString('hex'),
  });
}

const stateOf = async ({ tenant, migrationId }: Moving) =>
  (await tenant.call('GET', `/v1/migrations/${migrationId}`)).body;

describe('a segment', () => {
  it('is announced, uploaded once, spread over six failure domains and read back', async () => {
    const move = await moving();
    const sealed = sealedSegment(move.keys, randomBytes(200_000));
    await upload(move, sealed);
    await placed(sealed.record);
    const shards = await shardsOf(sealed.record);
    expect(shards.map((shard) => shard.slot)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(new Set(shards.map((shard) => shard.node_id)).size).toBe(6);
    for (const { node_id, name } of shards) {
      const { location } = stack.nodes.find((node) => node.id === node_id)!;
      const hex = name.toString('hex');
      expect(existsSync(join(location, 'shards', hex.slice(0, 2), hex))).toBe(true);
    }
    await until(
      'the staged file is gone',
      () => readdirSync(join(stack.folder, 'staging', move.tenant.id)).length === 0,
    );
    const [again] = await announce(move, sealed.record);
    expect(again).toMatchObject({ state: 'placed', upload: null });
    const { rows } = await system.query('SELECT count(*)::int AS n FROM outbox WHERE key LIKE $1', [
      `%${sealed.record.id}`,
    ]);
    expect(rows[0].n).toBe(0);
  });

  it('is taken in with its own ticket and its own bytes only', async () => {
    const move = await moving();
    const [one, other] = [sealedSegment(move.keys, randomBytes(5000)), sealedSegment(move.keys, randomBytes(5000))];
    const [first, second] = await announce(move, one.record, other.record);
    const { url, ticket } = first!.upload!;
    const refused = async (reply: Promise<Response>, status: number, code: string) => {
      const got = await reply;
      expect(got.headers.get('content-type')).toContain('application/problem+json');
      expect([got.status, ((await got.json()) as { code: string }).code]).toEqual([status, code]);
    };
    await refused(put(url, null, one.bytes), 401, 'TicketRefused');
    await refused(put(url, `${ticket}x`, one.bytes), 401, 'TicketRefused');
    await refused(put(url, 'a.b', one.bytes), 401, 'TicketRefused');
    await refused(put(url, second!.upload!.ticket, one.bytes), 401, 'TicketRefused');
    await refused(put(url, ticket, other.bytes), 422, 'DigestMismatch');
    await refused(put(url, ticket, one.bytes.subarray(1)), 422, 'DigestMismatch');
    await refused(put(url, ticket, Buffer.concat([one.bytes, one.bytes])), 422, 'DigestMismatch');
    await refused(put(url.replace(/seg-.*/, '..%2f..%2fpasswd'), ticket, one.bytes), 400, 'InvalidInput');
    await refused(put(url, ticket, one.bytes, { 'content-type': 'text/plain' }), 415, 'UnsupportedMediaType');
    expect((await segmentRow(one.record)).state).toBe('registered');
    expect(readdirSync(join(stack.folder, 'staging', 'drafts'))).toEqual([]);
    expect((await put(url, ticket, one.bytes)).status).toBe(201);
    // The same upload again, as after a lost reply.
    expect((await put(url, ticket, one.bytes)).status).toBe(200);
  });

  it('is not placed while there are too few failure domains, says so, and is placed when there are enough', async () => {
    const move = await moving();
    const drained = stack.nodes.slice(0, 2);
    const setStatus = (status: string) =>
      Promise.all(drained.map(({ id }) => stack.api.operator('PATCH', `/v1/system/storage-nodes/${id}`, { status })));
    await setStatus('draining');
    try {
      const { datasetId } = await keyedDataset(move.tenant);
      const refusedMove = await move.tenant.call('POST', '/v1/migrations', { datasetId });
      expect(refusedMove).toMatchObject({
        status: 409,
        body: { code: 'TooFewFailureDomains', needed: 6, available: 5 },
      });
      const sealed = sealedSegment(move.keys, randomBytes(1000));
      await upload(move, sealed);
      await until('the reason is noted', async () => (await segmentRow(sealed.record)).reason !== null);
      expect(await stateOf(move)).toMatchObject({
        segments: { staged: 1 },
        waiting: [expect.stringContaining('failure domain')],
      });
      await setStatus('active');
      await placed(sealed.record);
      expect((await stateOf(move)).waiting).toEqual([]);
    } finally {
      await setStatus('active');
    }
  });

  it('goes to another failure domain when a node fails', async () => {
    const move = await moving();
    const broken = stack.nodes[6]!;
    rmSync(broken.location, { recursive: true, force: true });
    writeFileSync(broken.location, 'not a folder');
    for (let turn = 0; turn < 4; turn += 1) {
      const sealed = sealedSegment(move.keys, randomBytes(1000 + turn));
      await upload(move, sealed);
      await placed(sealed.record);
      const shards = await shardsOf(sealed.record);
      expect(shards.map((shard) => shard.node_id)).not.toContain(broken.id);
      expect(new Set(shards.map((shard) => shard.node_id)).size).toBe(6);
    }
  });

  it('is wanted again when its staged bytes are lost or changed before they are placed', async () => {
    const move = await moving();
    const [lost, changed] = [sealedSegment(move.keys, randomBytes(3000)), sealedSegment(move.keys, randomBytes(3000))];
    await stack.worker.stop();
    const staged = (record: SegmentRecord) => join(stack.folder, 'staging', move.tenant.id, record.id);
    await upload(move, lost);
    await upload(move, changed);
    unlinkSync(staged(lost.record));
    writeFileSync(staged(changed.record), randomBytes(changed.bytes.length));
    await stack.worker.start();
    for (const { record } of [lost, changed]) {
      await until('it is wanted again', async () => (await segmentRow(record)).state === 'registered');
      expect((await segmentRow(record)).reason).toMatch(/uploaded again/);
    }
    await upload(move, lost);
    await upload(move, changed);
    await placed(lost.record);
    await placed(changed.record);
  });

  it('is recorded by the newest placement alone: an older one that wakes up late changes nothing', async () => {
    const move = await moving();
    const sealed = sealedSegment(move.keys, randomBytes(2000));
    await stack.worker.stop();
    await upload(move, sealed);
    const segments = new SegmentRepository();
    const tx = new Tx(undefined as never, system as never, null);
    const tenantId = move.tenant.id as TenantId;
    const places = stack.nodes.slice(0, 6).map((node, slot) => ({
      slot,
      nodeId: node.id as StorageNodeId,
      name: randomBytes(32).toString('hex'),
      size: 500,
    }));
    const stale = (await segments.claimPlacement(tx, tenantId, sealed.record.id))!;
    const fresh = (await segments.claimPlacement(tx, tenantId, sealed.record.id))!;
    expect(fresh).toBeGreaterThan(stale);
    expect(await segments.commitPlacement(tx, tenantId, sealed.record.id, stale, places)).toBe(false);
    expect(await shardsOf(sealed.record)).toEqual([]);
    await segments.markLost(tx, tenantId, sealed.record.id, stale, 'late');
    expect((await segmentRow(sealed.record)).state).toBe('staged');
    await stack.worker.start();
    await placed(sealed.record);
    expect(await segments.commitPlacement(tx, tenantId, sealed.record.id, fresh, places)).toBe(false);
    expect(await segments.claimPlacement(tx, tenantId, sealed.record.id)).toBeNull();
    expect((await shardsOf(sealed.record)).map((shard) => shard.name.toString('hex'))).not.toContain(places[0]!.name);
  });
});

describe('a manifest', () => {
  async function uploaded(): Promise<{ move: Moving; segments: { ordinal: number; record: SegmentRecord }[] }> {
    const move = await moving();
    const data = await upload(move, sealedSegment(move.keys, randomBytes(1000)));
    const tree = await upload(move, sealedSegment(move.keys, randomBytes(100), 'tree'));
    return { move, segments: [data, tree] };
  }

  it('is committed with its content root in the ledger, once all of its segments are placed', async () => {
    await stack.worker.stop();
    const { move, segments } = await uploaded();
    const statement = statementOf(move, segments);
    expect(await submit(move, statement)).toMatchObject({ status: 200, body: { state: 'verifying' } });
    expect(await submit(move, statement)).toMatchObject({ status: 200, body: { state: 'verifying' } });
    expect((await move.tenant.call('GET', `/v1/datasets/${move.datasetId}/manifests/1`)).status).toBe(404);
    await stack.worker.start();
    await until('the migration is ready', async () => (await stateOf(move)).state === 'ready');
    const manifest = (await move.tenant.call('GET', `/v1/datasets/${move.datasetId}/manifests/1`)).body;
    const entry = (await move.tenant.call('GET', `/v1/ledger/entries/${manifest.ledgerEntryId}`)).body;
    expect(JSON.stringify(entry)).toContain(manifest.contentRoot);
    const { rows } = await system.query('SELECT body FROM ledger_entry WHERE id = $1', [manifest.ledgerEntryId]);
    expect(JSON.parse(rows[0].body.toString())).toMatchObject({
      tenant: move.tenant.id,
      class: 'migration',
      action: 'migration.committed',
      after: { contentRoot: manifest.contentRoot, segmentsRoot: statement.segments.root, segments: 2 },
    });
    expect((await move.tenant.call('GET', `/v1/datasets/${move.datasetId}`)).body).toMatchObject({
      manifestVersion: 1,
      state: 'filled',
    });
    const late = await submit(move, { ...statement, time: new Date(0).toISOString() });
    expect(late.status).toBe(422);
  });

  it('waits for every one of its segments, however often it is looked at', async () => {
    const { move, segments } = await uploaded();
    for (const { record } of segments) await placed(record);
    const drained = stack.nodes.slice(0, 2);
    const setStatus = (status: string) =>
      Promise.all(drained.map(({ id }) => stack.api.operator('PATCH', `/v1/system/storage-nodes/${id}`, { status })));
    await setStatus('draining');
    try {
      const waiting = await upload(move, sealedSegment(move.keys, randomBytes(500)));
      await submit(move, statementOf(move, [...segments, waiting]));
      await until('the migration was looked at', async () => {
        const { rows } = await system.query('SELECT 1 FROM outbox WHERE key LIKE $1', [`%${move.migrationId}`]);
        return rows.length === 0;
      });
      expect((await stateOf(move)).state).toBe('verifying');
      expect((await segmentRow(waiting.record)).state).toBe('staged');
    } finally {
      await setStatus('active');
    }
    await until('the migration is ready', async () => (await stateOf(move)).state === 'ready');
  });

  it.each<[string, (statement: ReturnType<typeof statementOf>) => Partial<ManifestStatement>, string]>([
    ['another version', () => ({ version: 2, previous: '11'.repeat(32) }), 'manifest.version'],
    ['another tenant', () => ({ tenant: newId('tenant') }), 'manifest.tenant'],
    ['another dataset', () => ({ dataset: newId('dataset') }), 'manifest.dataset'],
    ['another migration', () => ({ migration: newId('migration') }), 'manifest.migration'],
    ['another key', () => ({ keyCheck: '22'.repeat(32) }), 'manifest.keyCheck'],
    ['another segments root', (s) => ({ segments: { ...s.segments, root: '33'.repeat(32) } }), 'manifest.root'],
    ['other sizes', (s) => ({ segments: { ...s.segments, bytes: s.segments.bytes + 1 } }), 'manifest.bytes'],
    [
      'segments that were never announced',
      (s) => ({ segments: { ...s.segments, count: 4, ranges: [[0, 3]] } }),
      'manifest.segments',
    ],
    ['a tree that is no tree', (s) => ({ tree: { ...s.tree, segments: [0] } }), 'manifest.tree'],
  ])('is refused when it states %s', async (_what, over, rule) => {
    const { move, segments } = await uploaded();
    const statement = statementOf(move, segments);
    const reply = await submit(move, { ...statement, ...over(statement) });
    expect(reply).toMatchObject({ status: 422, body: { code: 'ManifestRefused', errors: [{ rule }] } });
  });

  it('is refused when another key signed it', async () => {
    const { move, segments } = await uploaded();
    const reply = await submit(move, statementOf(move, segments), signerFromPem(newSigningKeyPem()));
    expect(reply).toMatchObject({ status: 403, body: { code: 'UntrustedSignature' } });
  });
});

describe('a migration', () => {
  it('is the only one of its dataset, can be paused and resumed, and given up', async () => {
    const move = await moving();
    const { tenant, datasetId, migrationId } = move;
    const second = await tenant.call('POST', '/v1/migrations', { datasetId });
    expect(second).toMatchObject({ status: 409, body: { code: 'MigrationActive', migrationId } });
    const act = (verb: string) => tenant.call('POST', `/v1/migrations/${migrationId}/${verb}`);
    expect(await act('start')).toMatchObject({ status: 409, body: { code: 'MigrationState' } });
    expect((await act('pause')).body).toMatchObject({ state: 'paused', ledgerEntryId: expect.stringMatching(/^led-/) });
    const sealed = sealedSegment(move.keys, randomBytes(10));
    const refused = await tenant.call('POST', `/v1/migrations/${migrationId}/segments`, { segments: [sealed.record] });
    expect(refused).toMatchObject({ status: 409, body: { code: 'MigrationState' } });
    expect((await act('resume')).body.state).toBe('scanning');
    expect((await act('resume')).status).toBe(409);
    expect((await act('cancel')).body).toMatchObject({ state: 'failed', reason: 'cancelled' });
    expect((await tenant.call('POST', '/v1/migrations', { datasetId })).status).toBe(201);
  });

  it('is made once when two ask at the same moment', async () => {
    const tenant = await stack.tenant();
    const { datasetId } = await keyedDataset(tenant);
    const replies = await Promise.all(
      Array.from({ length: 6 }, () => tenant.call('POST', '/v1/migrations', { datasetId })),
    );
    expect(replies.map((reply) => reply.status).sort()).toEqual([201, 409, 409, 409, 409, 409]);
  });

  it('gives each segment an ordinal of its own, however many are announced at once', async () => {
    const move = await moving();
    const records = Array.from({ length: 40 }, () => sealedSegment(move.keys, randomBytes(8)).record);
    const groups = [0, 1, 2, 3].map((group) => records.slice(group * 10, group * 10 + 10));
    const all = (await Promise.all(groups.map((group) => announce(move, ...group)))).flat();
    expect(all.map((one) => one.ordinal).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 40 }, (_, index) => index),
    );
    const again = await announce(move, ...records);
    expect(new Map(again.map((one) => [one.id, one.ordinal]))).toEqual(
      new Map(all.map((one) => [one.id, one.ordinal])),
    );
    const [stolen] = records;
    const changed = { ...stolen!, sha256: '00'.repeat(32) };
    const reply = await move.tenant.call('POST', `/v1/migrations/${move.migrationId}/segments`, {
      segments: [changed],
    });
    expect(reply).toMatchObject({ status: 409, body: { code: 'SegmentTaken' } });
  });

  it.each<[string, (record: SegmentRecord) => unknown, string]>([
    ['another shape', (record) => ({ ...record, k: 3, m: 3 }), 'segment.shape'],
    ['a missing root', (record) => ({ ...record, roots: record.roots.slice(1) }), ''],
    ['an unknown member', (record) => ({ ...record, name: 'secret.txt' }), ''],
    ['a size beyond the limit', (record) => ({ ...record, size: 17 * 1024 * 1024 }), ''],
  ])('refuses a segment with %s', async (_what, change, rule) => {
    const move = await moving();
    const { record } = sealedSegment(move.keys, randomBytes(10));
    const reply = await move.tenant.call('POST', `/v1/migrations/${move.migrationId}/segments`, {
      segments: [change(record)],
    });
    expect(reply).toMatchObject({ status: 400, body: { code: 'InvalidInput' } });
    if (rule) expect(reply.body.errors[0].rule).toBe(rule);
  });
});
