import { randomUUID } from 'node:crypto';
import { newId } from '#kernel';
import { nodeCrypto, verifyDisclosure } from '#proof';
import { type ApiWithLog, startApiWithLog } from '../../../test/support/api-with-log.js';
import { RequestSigner } from '../../../test/support/request-signer.js';

const crypto = nodeCrypto;
const SECRET = 'the name that is disclosed';
let api: ApiWithLog;
let acme: Awaited<ReturnType<ApiWithLog['tenant']>>;
let globex: Awaited<ReturnType<ApiWithLog['tenant']>>;
let vpcId: string;

beforeAll(async () => {
  api = await startApiWithLog();
  acme = await api.tenant();
  globex = await api.tenant();
  vpcId = (await acme.call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' })).body.id;
});
afterAll(() => api?.close());

async function rename(call = acme.call): Promise<string> {
  const reply = await call('PATCH', `/v1/vpcs/${vpcId}`, { name: SECRET });
  expect(reply.status).toBe(200);
  return reply.body.ledgerEntryId;
}

const disclose = (entryIds: string[], more: object = {}, headers = {}, suffix = '') =>
  acme.call('POST', `/v1/ledger/disclosures${suffix}`, { entryIds, recipient: 'the auditors', ...more }, headers);

async function verified(disclosure: object) {
  const { vkey } = (await api.caller(null)('GET', '/v1/log')).body;
  return verifyDisclosure(Buffer.from(JSON.stringify(disclosure)), { crypto, log: vkey });
}

describe('a disclosure', () => {
  it('opens the chosen entries to whoever gets it, verifies offline, and is an entry that says to whom', async () => {
    const entryIds = [await rename(), await rename()];
    await rename();
    await api.sequencer.tick();
    const reply = await disclose([...entryIds].reverse());
    expect(reply).toMatchObject({ status: 201, body: { recipient: 'the auditors', promise: expect.any(String) } });
    const { disclosure } = reply.body;
    expect(disclosure.entries.map(({ entryId }: { entryId: string }) => entryId)).toEqual(entryIds);
    expect(await verified(disclosure)).toMatchObject({ ok: true, pinned: true, tenant: acme.id, entries: 2 });
    const entry = (await acme.call('GET', `/v1/ledger/entries/${reply.body.ledgerEntryId}`)).body;
    expect(entry).toMatchObject({
      class: 'audit',
      action: 'disclosure.created',
      resource: { type: 'disclosure', id: reply.body.id },
      after: { entryIds: [...entryIds].reverse(), recipient: 'the auditors', includeEvidence: false },
    });
    expect(Buffer.from(entry.body, 'base64').toString()).not.toContain(SECRET);
    const forged = structuredClone(disclosure);
    forged.entries[0].body = Buffer.from(
      Buffer.from(forged.entries[0].body, 'base64').toString().replace(SECRET, SECRET.toUpperCase()),
    ).toString('base64');
    expect(await verified(forged)).toMatchObject({ ok: false, firstBad: { step: 'entry' } });
  });

  it('repeated with its key gives the document again, of which nothing is kept', async () => {
    const entryId = await rename();
    await api.sequencer.tick();
    const headers = { 'idempotency-key': randomUUID() };
    const first = await disclose([entryId], {}, headers);
    const [kept] = await api.sql<{ body: string }>('SELECT body::text FROM idempotency_record WHERE key = $1', [
      headers['idempotency-key'],
    ]);
    expect(kept?.body).not.toContain(first.body.disclosure.entries[0].body);
    const again = await disclose([entryId], {}, headers);
    expect(again).toMatchObject({ status: 201, body: { id: first.body.id, ledgerEntryId: first.body.ledgerEntryId } });
    expect(again.body).not.toHaveProperty('secretWasShown');
    expect(await verified(again.body.disclosure)).toMatchObject({ ok: true, entries: 1 });
    const others = await api.sql('SELECT FROM ledger_entry WHERE resource_id = $1', [first.body.id]);
    expect(others).toHaveLength(1);
    const reason = { scope: 'body', reason: 'a request to be forgotten' };
    expect((await acme.call('POST', `/v1/ledger/entries/${entryId}/erasures`, reason)).status).toBe(201);
    expect(await disclose([entryId], {}, headers)).toMatchObject({ status: 409, body: { code: 'EntryErased' } });
  });

  it('shows signed requests when that is wanted, and only then', async () => {
    const signer = new RequestSigner();
    const enrolment = await signer.enrolment(acme.call, { id: 'root', sign: (text) => acme.rootKey.sign(text) });
    expect((await acme.call('POST', '/v1/signing-keys', enrolment)).status).toBe(201);
    const entryId = await rename(signer.caller(api.url, acme.call));
    await api.sequencer.tick();
    const without = (await disclose([entryId])).body.disclosure;
    expect(without.entries[0].evidence).toBeNull();
    const shown = (await disclose([entryId], { includeEvidence: true })).body.disclosure;
    const report = await verified(shown);
    expect(report).toMatchObject({ ok: true });
    expect(report.steps.find(({ step }) => step === 'actor')?.detail).toMatch(/^signed by/);
  });

  it('is refused for what is not published, erased, or not there, naming it; tried out it shows nothing', async () => {
    const fresh = await rename();
    expect(await disclose([fresh])).toMatchObject({ status: 409, body: { code: 'ReceiptNotReady' } });
    await api.sequencer.tick();
    const tried = await disclose([fresh], {}, {}, '?dryRun=true');
    expect(tried).toMatchObject({ status: 200, body: { dryRun: true, disclosure: null } });
    const gone = await rename();
    await api.sequencer.tick();
    await acme.call('POST', `/v1/ledger/entries/${gone}/erasures`, { scope: 'body', reason: 'to be forgotten' });
    expect(await disclose([fresh, gone])).toMatchObject({
      status: 409,
      body: {
        code: 'EntryErased',
        erased: [{ id: gone }],
        errors: [{ pointer: '/entryIds', fix: `leave ${gone} out` }],
      },
    });
    const unknown = newId('ledgerEntry');
    const body = (id: string) => ({ entryIds: [id], recipient: 'me' });
    const foreign = await globex.call('POST', '/v1/ledger/disclosures', body(fresh));
    const absent = await globex.call('POST', '/v1/ledger/disclosures', body(unknown));
    expect(absent).toMatchObject({ status: 400, body: { errors: [{ pointer: '/entryIds/0' }] } });
    const bare = ({ body: { requestId: _r, ...rest } }: typeof foreign) => JSON.stringify(rest);
    expect(bare(foreign).replaceAll(fresh, 'X')).toBe(bare(absent).replaceAll(unknown, 'X'));
  });

  it.each([
    [{ entryIds: [] }, '/entryIds'],
    [{ entryIds: ['led-1'] }, '/entryIds/0'],
    [{ entryIds: Array.from({ length: 257 }, () => newId('ledgerEntry')) }, '/entryIds'],
    [{ entryIds: [newId('ledgerEntry')], recipient: '' }, '/recipient'],
    [{ entryIds: ['led-00000000000000000', 'led-00000000000000000'] }, '/entryIds'],
  ])('with %j is refused', async (more, pointer) => {
    expect(await disclose([], more)).toMatchObject({ status: 400, body: { errors: [{ pointer }] } });
  });
});
