import { createHash, createHmac, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fromHex, parseNote, parseVkey, toHex } from '#merkle';
import {
  encodeBody,
  encodeLeaf,
  nodeCrypto,
  openLeaf,
  type Receipt,
  verifyBundle,
  verifyPromise,
  verifyReceipt,
  viewKeyCommitment,
} from '#proof';

/**
 * The published vectors against the library and, for what the formats say in formulas, against nothing but node:crypto:
 * whoever writes another verifier can start from these files.
 */

const crypto = nodeCrypto;
const file = (name: string) => readFileSync(new URL(name, import.meta.url));
const json = (name: string) => JSON.parse(file(name).toString('utf8'));
const hex = (text: string) => Buffer.from(text, 'hex');
const uint64 = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
};

describe('one entry through every format', () => {
  const vector = json('entry-v1.json');
  const body = hex(vector.bodyBytes);

  it('is what the formulas give', () => {
    expect(createHash('sha256').update(body).digest('hex')).toBe(vector.bodyHash);
    const hmac = (key: string, ...parts: (string | Buffer)[]) =>
      createHmac('sha256', hex(key))
        .update(Buffer.concat(parts.map((part) => Buffer.from(part))))
        .digest('hex');
    expect(hmac(vector.viewKey, `freehold/tag/v1\n${vector.origin}\n`, uint64(vector.tenantSeq))).toBe(vector.leaf.tag);
    expect(hmac(vector.salt, body, uint64(vector.tenantSeq), hex(vector.prevHash))).toBe(vector.leaf.commit);
    const { commit, origin, tag } = vector.leaf;
    const leaf = `{"class":"configuration","commit":"${commit}","origin":"${origin}","tag":"${tag}","v":1}`;
    expect(Buffer.from(leaf).toString('hex')).toBe(vector.leafBytes);
    const leafHash = createHash('sha256').update(Buffer.concat([Buffer.of(0), Buffer.from(leaf)]));
    expect(leafHash.digest('hex')).toBe(vector.leafHash);
    const commitment = createHash('sha256').update('freehold/view-key/v1\n').update(hex(vector.viewKey));
    expect(commitment.digest('hex')).toBe(vector.viewKeyCommitment);
  });

  it('is what the library makes', () => {
    expect(toHex(encodeBody(vector.body))).toBe(vector.bodyBytes);
    const { origin, tenantSeq } = vector;
    const [viewKey, salt, prevHash] = [hex(vector.viewKey), hex(vector.salt), hex(vector.prevHash)];
    const opening = { entryId: vector.body.id, body, salt, tenantSeq, prevHash };
    const opened = openLeaf(crypto, hex(vector.leafBytes), opening, { origin, viewKey });
    expect(opened).toEqual({ body: vector.body, leaf: vector.leaf });
    expect(viewKeyCommitment(crypto, viewKey)).toBe(vector.viewKeyCommitment);
  });

  it('has a promise that is an ordinary signed note', async () => {
    const key = parseVkey(crypto.sha256, vector.logVkey);
    await expect(verifyPromise(crypto, vector.promise, key, body)).resolves.toMatchObject({
      entryId: vector.body.id,
      deadline: vector.promiseDeadline,
    });
    const seed = Buffer.concat([hex('302e020100300506032b657004220420'), hex(vector.logKeySeed)]);
    const secret = createPrivateKey({ key: seed, format: 'der', type: 'pkcs8' });
    const hash = Buffer.from(fromHex(vector.bodyHash)).toString('base64');
    const text = `freehold promise v1\n${vector.origin}\n${vector.body.id}\n${hash}\n${vector.promiseDeadline}\n`;
    const { signatures } = parseNote(vector.promise);
    expect(sign(null, Buffer.from(text), secret).equals(signatures[0]!.signature)).toBe(true);
    expect(verify(null, Buffer.from(text), createPublicKey(secret), signatures[0]!.signature)).toBe(true);
  });
});

describe('a leaf of version 2', () => {
  const vector = json('leaf-v2.json');
  const { origin, tenantSeq } = vector;
  const [viewKey, salt, prevHash, body] = [vector.viewKey, vector.salt, vector.prevHash, vector.bodyBytes].map(hex);

  it('is what the formulas give', () => {
    const tag = createHmac('sha256', viewKey!).update(`freehold/tag/v1\n${origin}\n`).update(uint64(tenantSeq));
    const commit = createHmac('sha256', salt!).update(body!).update(uint64(tenantSeq)).update(prevHash!);
    const leaf = `{"commit":"${commit.digest('hex')}","origin":"${origin}","tag":"${tag.digest('hex')}","v":2}`;
    expect(Buffer.from(leaf).toString('hex')).toBe(vector.leafBytes);
    expect(JSON.parse(leaf)).toEqual(vector.leaf);
    expect(createHash('sha256').update(Buffer.of(0)).update(leaf).digest('hex')).toBe(vector.leafHash);
  });

  it('is what the library makes and opens', () => {
    const input = { origin, viewKey: viewKey!, salt: salt!, body: body!, tenantSeq, prevHash: prevHash! };
    const leaf = encodeLeaf(crypto, input);
    expect(toHex(leaf)).toBe(vector.leafBytes);
    const opening = { entryId: json('entry-v1.json').body.id, ...input };
    expect(openLeaf(crypto, leaf, opening, { origin, viewKey: viewKey! }).leaf).toEqual(vector.leaf);
  });
});

describe('receipts', () => {
  const vector: {
    logVkey: string;
    viewKey: string;
    receipt: Receipt;
    forgeries: { why: string; step: string; receipt: Receipt }[];
  } = json('receipt-v1.json');
  const options = { crypto, log: vector.logVkey, viewKey: hex(vector.viewKey), requireAnchor: true };

  it('hold', async () => {
    const report = await verifyReceipt(Buffer.from(JSON.stringify(vector.receipt)), options);
    expect(report).toMatchObject({ ok: true, pinned: true, anchored: true, independentTrust: false });
  });

  it.each(vector.forgeries)('with $why fail at $step', async ({ step, receipt }) => {
    const report = await verifyReceipt(Buffer.from(JSON.stringify(receipt)), options);
    expect(report.firstBad).toMatchObject({ step, ok: false });
  });
});

describe('bundles', () => {
  const vector: {
    logVkey: string;
    viewKey: string;
    rootPublicKey: string;
    tenant: string;
    leaves: number;
    entries: number;
    knownCheckpoint: string;
    edits: {
      why: string;
      line: number;
      find: string;
      replace: string;
      step: string;
      index?: number;
      entryId?: string;
    }[];
  } = json('bundle-v1.json');
  const bundle = file('bundle-v1.jsonl');
  const options = {
    crypto,
    log: vector.logVkey,
    viewKey: hex(vector.viewKey),
    rootPublicKey: vector.rootPublicKey,
    knownCheckpoints: [vector.knownCheckpoint],
  };

  it('hold', async () => {
    const { tenant, leaves, entries } = vector;
    const report = await verifyBundle([bundle], options);
    expect(report).toMatchObject({ ok: true, complete: true, anchored: true, tenant, leaves, entries });
  });

  it.each(vector.edits)('with $why changed fail at $step', async ({ line, find, replace, step, index, entryId }) => {
    const lines = bundle.toString('utf8').split('\n');
    expect(lines[line - 1]).toContain(find);
    lines[line - 1] = lines[line - 1]!.replace(find, replace);
    const report = await verifyBundle([Buffer.from(lines.join('\n'))], options);
    expect(report.firstBad).toMatchObject({
      step,
      ...(index === undefined ? {} : { index }),
      ...(entryId ? { entryId } : {}),
    });
  });
});
