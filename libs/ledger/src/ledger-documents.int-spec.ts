import { randomBytes } from 'node:crypto';
import { canonicalJson } from '#kernel';
import { concatBytes, fromUtf8, toHex, utf8 } from '#merkle';
import { type BundleReport, nodeCrypto, type Receipt, verifyBundle, verifyReceipt } from '#proof';
import { type ApiWithLog, startApiWithLog } from '../../../test/support/api-with-log.js';
import { RequestSigner, RootKey } from '../../../test/support/request-signer.js';
import type { Caller } from '../../../test/support/test-api.js';

/** Receipts and bundles as the service writes them, with everything that they can hold, and verified from their bytes alone. */
const crypto = nodeCrypto;
let api: ApiWithLog;
let acme: Awaited<ReturnType<ApiWithLog['tenant']>>;
let signer: RequestSigner;
let signed: Caller;
let vkey: string;

beforeAll(async () => {
  api = await startApiWithLog();
  acme = await api.tenant();
  await api.operator('PUT', `/v1/system/tenants/${acme.id}/quotas/vpcs`, { allowed: 200 });
  signer = new RequestSigner();
  await signer.enrol(acme.call, acme.rootKey);
  signed = signer.caller(api.url, acme.call);
  vkey = (await api.caller(null)('GET', '/v1/log')).body.vkey;
});
afterAll(() => api?.close());

async function tickAll(): Promise<void> {
  while ((await api.sequencer.tick()) > 0);
}

async function made(reply: ReturnType<Caller>): Promise<string> {
  const { status, body } = await reply;
  expect([200, 201, 202]).toContain(status);
  await tickAll();
  return body.ledgerEntryId as string;
}

let vpcs = 0;
const vpc = () => ({ cidrBlock: `10.${vpcs++}.0.0/16` });
const receiptOf = async (id: string, apiKey = acme.apiKey) => api.bytes(`/v1/ledger/entries/${id}/receipt`, apiKey);
const bundle = () => api.bytes('/v1/ledger/bundle', acme.apiKey);
const rootPublicKey = () => acme.rootKey.publicKey;
const everything = () => ({ crypto, log: vkey, viewKey: acme.viewKey, rootPublicKey: rootPublicKey() });
const stepOf = ({ steps }: Pick<BundleReport, 'steps'>, name: string) => steps.find(({ step }) => step === name);

/** The bundle's lines, one of them changed. */
function edited(bytes: Uint8Array, find: (line: string) => boolean, change: (line: string) => string): Uint8Array {
  const lines = fromUtf8(bytes).split('\n');
  const at = lines.findIndex(find);
  expect(at).toBeGreaterThan(0);
  return utf8(lines.with(at, change(lines[at]!)).join('\n'));
}

describe('a receipt', () => {
  it('of a signed change proves who asked for it, back to the root key', async () => {
    const id = await made(signed('POST', '/v1/vpcs', vpc()));
    const document = await receiptOf(id);
    const report = await verifyReceipt(document, { ...everything(), requireSigned: true });
    expect(report).toMatchObject({ ok: true, firstBad: null });
    expect(stepOf(report, 'actor')).toMatchObject({ detail: expect.stringMatching(/^signed by usr-/) });
    expect(stepOf(report, 'actor')).not.toHaveProperty('open');
    const unrooted = await verifyReceipt(document, { crypto, requireSigned: true });
    expect(unrooted).toMatchObject({ ok: false, failure: 'not-signed' });
    const otherRoot = { ...everything(), rootPublicKey: new RequestSigner().publicKey };
    expect((await verifyReceipt(document, otherRoot)).firstBad).toMatchObject({ step: 'actor' });
  });

  it('of a custodial change says so', async () => {
    const id = await made(acme.call('POST', '/v1/vpcs', vpc()));
    const document = await receiptOf(id);
    expect(JSON.parse(fromUtf8(document))).toMatchObject({ v: 2, keys: [], evidence: null });
    const report = await verifyReceipt(document, everything());
    expect(stepOf(report, 'actor')).toMatchObject({
      ok: true,
      open: true,
      detail: expect.stringMatching(/^custodial:/),
    });
    const strict = await verifyReceipt(document, { ...everything(), requireSigned: true });
    expect(strict).toMatchObject({ failure: 'not-signed' });
  });

  it('with the evidence of another request, or without its own, is found out or says so', async () => {
    const [one, other] = [
      await receiptOf(await made(signed('POST', '/v1/vpcs', vpc()))),
      await receiptOf(await made(signed('POST', '/v1/vpcs', vpc()))),
    ].map((bytes) => JSON.parse(fromUtf8(bytes)) as Receipt);
    const verify = (receipt: object) => verifyReceipt(utf8(JSON.stringify(receipt)), everything());
    expect((await verify({ ...one, evidence: other!.evidence })).firstBad).toMatchObject({ step: 'actor' });
    const erased = await verify({ ...one, evidence: null });
    expect(stepOf(erased, 'actor')).toMatchObject({
      open: true,
      detail: expect.stringMatching(/^signed, evidence erased/),
    });
    const evidence = one!.evidence!;
    for (const change of [
      { document: Buffer.from('{}').toString('base64') },
      { salt: other!.evidence!.salt },
      { chain: [] },
      { chain: [...evidence.chain, ...evidence.chain] },
      { chain: [{ ...evidence.chain[0]!, userId: 'usr-0000000000000000f' }] },
      { chain: [{ ...evidence.chain[0]!, publicKey: new RequestSigner().publicKey }] },
    ]) {
      expect((await verify({ ...one, evidence: { ...evidence, ...change } })).firstBad).toMatchObject({
        step: 'actor',
      });
    }
  });

  it("of what the operator signed in a tenant's chain is custodial: the tenant knows no key of the operator's", async () => {
    const operator = new RequestSigner();
    await operator.enrol(api.operator, { id: 'root', sign: (text) => operator.sign(text) });
    const viewKey = randomBytes(32);
    const created = await operator.caller(api.url, api.operator)('POST', '/v1/system/tenants', {
      name: 'signed in',
      rootPublicKey: new RootKey().publicKey,
      viewKey: viewKey.toString('base64'),
    });
    expect(created.status).toBe(201);
    await tickAll();
    const { ownerApiKey } = created.body;
    const [genesis] = (await api.caller(ownerApiKey)('GET', '/v1/ledger/entries')).body.items;
    const report = await verifyReceipt(await receiptOf(genesis.id, ownerApiKey), { crypto, log: vkey, viewKey });
    expect(report).toMatchObject({ ok: true });
    expect(stepOf(report, 'actor')).toMatchObject({ open: true, detail: expect.stringMatching(/^custodial/) });
  });
});

describe('a bundle', () => {
  it('holds the requests behind signed entries, and they are those that made them', async () => {
    await made(signed('POST', '/v1/vpcs', vpc()));
    const document = await bundle();
    const report = await verifyBundle([document], everything());
    expect(report).toMatchObject({
      firstBad: null,
      complete: true,
      signed: expect.any(Number),
      custodial: expect.any(Number),
    });
    expect(report.signed).toBeGreaterThan(2);
    const isSigned = (line: string) => line.includes('"evidence":{"document"') && !line.includes('"chain"');
    const other = edited(document, isSigned, (line) =>
      line.replace(/"document":"[^"]*"/, `"document":"${Buffer.from('{}').toString('base64')}"`),
    );
    expect((await verifyBundle([other], everything())).firstBad).toMatchObject({
      step: 'actor',
      entryId: expect.stringMatching(/^led-/),
      index: expect.any(Number),
    });
    const dropped = edited(document, isSigned, (line) => line.replace(/"evidence":\{[^}]*\}/, '"evidence":null'));
    expect((await verifyBundle([dropped], everything())).firstBad).toMatchObject({ step: 'trailer' });
  });

  it('says of a key that was revoked what it signed before and after', async () => {
    const revoked = new RequestSigner();
    await revoked.enrol(acme.call, signer.asEnroller);
    await made(revoked.caller(api.url, acme.call)('POST', '/v1/vpcs', vpc()));
    await made(revoked.caller(api.url, acme.call)('DELETE', `/v1/signing-keys/${revoked.keyId}`));
    expect(await verifyBundle([await bundle()], everything())).toMatchObject({
      firstBad: null,
      signedAfterRevocation: 0,
    });
  });

  it('keeps the place of an entry that was erased, and names one of which nothing says so', async () => {
    const id = await made(signed('POST', '/v1/vpcs', vpc()));
    const before = await bundle();
    const erasing = await made(
      acme.call('POST', `/v1/ledger/entries/${id}/erasures`, { scope: 'body', reason: 'a request to be forgotten' }),
    );
    const after = await bundle();
    const report = await verifyBundle([after], everything());
    expect(report).toMatchObject({ ok: true, complete: true, erased: 1 });
    expect(stepOf(report, 'chain')).not.toHaveProperty('open');
    expect(fromUtf8(after)).toContain(`{"erased":true,"id":"${id}","seq":`);
    const blind = await verifyBundle([after], { crypto, log: vkey });
    expect(blind).toMatchObject({ ok: true, erased: 1, complete: false });
    // An operator who drops a body and calls it erased: nothing in the chain says so, and the report does.
    const dropped = edited(
      before,
      (line) => line.includes(`"id":"${id}"`),
      (line) => line.replace(/"entry":\{.*\},"hash"/, (entry) => erasedForm(entry, id)),
    );
    expect((await verifyBundle([dropped], everything())).firstBad).toMatchObject({ step: 'trailer' });
    const sealed = await verifyBundle([resealed(dropped)], everything());
    expect(sealed).toMatchObject({ ok: true, erased: 1 });
    expect(stepOf(sealed, 'chain')).toMatchObject({ open: true, detail: expect.stringContaining(id) });
    const other = resealed(edited(after, isErased, (line) => line.replace(/"seq":\d+/, '"seq":9')));
    expect((await verifyBundle([other], everything())).firstBad).toMatchObject({ step: 'leaf', entryId: id });
    expect(erasing).toMatch(/^led-/);
  });

  function erasedForm(entry: string, id: string): string {
    const seq = /"seq":(\d+)/.exec(entry)![1];
    return `"entry":{"erased":true,"id":"${id}","seq":${seq}},"hash"`;
  }

  const isErased = (line: string) => line.includes('"erased":true');

  /** With a digest that holds for the changed lines: it keeps nobody from changing them. */
  function resealed(bytes: Uint8Array): Uint8Array {
    const lines = fromUtf8(bytes).split('\n').slice(0, -1);
    let digest = crypto.sha256(utf8('freehold/bundle/v2\n'));
    for (const line of lines.slice(0, -1)) digest = crypto.sha256(concatBytes(digest, crypto.sha256(utf8(line))));
    const trailer = { ...JSON.parse(lines.at(-1)!), digest: toHex(digest) };
    return utf8([...lines.slice(0, -1), fromUtf8(canonicalJson(trailer)), ''].join('\n'));
  }
});

describe('after the log has changed its key', () => {
  it('documents lead from the pinned first key to the one that signed', async () => {
    const early = await made(signed('POST', '/v1/vpcs', vpc()));
    const old = await receiptOf(early);
    expect((await api.operator('POST', '/v1/system/log/keys')).status).toBeLessThan(300);
    await tickAll();
    const late = await made(signed('POST', '/v1/vpcs', vpc()));
    for (const id of [early, late]) {
      const receipt = await receiptOf(id);
      expect(JSON.parse(fromUtf8(receipt)).keys).toHaveLength(1);
      const report = await verifyReceipt(receipt, everything());
      expect(report).toMatchObject({ ok: true, pinned: true });
      const { keys } = JSON.parse(fromUtf8(receipt)) as Receipt;
      expect(await verifyReceipt(receipt, { ...everything(), log: keys[0]!.vkey })).toMatchObject({ ok: true });
      const cut = utf8(JSON.stringify({ ...JSON.parse(fromUtf8(receipt)), keys: [] }));
      expect((await verifyReceipt(cut, everything())).firstBad).toMatchObject({ step: 'checkpoint' });
    }
    expect(await verifyReceipt(old, everything())).toMatchObject({ ok: true });
    const whole = await bundle();
    const kept = [fromUtf8(await api.bytes('/v1/log/checkpoint'))];
    const report = await verifyBundle([whole], { ...everything(), knownCheckpoints: kept });
    expect(report).toMatchObject({ ok: true, complete: true, pinned: true });
    // What was seen after the change is newer than the old receipt, whose keys do not lead so far: that is no fault of it.
    expect(await verifyReceipt(old, { ...everything(), lastSeen: kept })).toMatchObject({ ok: true });
  });
});
