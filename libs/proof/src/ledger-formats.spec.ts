import fc from 'fast-check';
import { canonicalJson, type JsonValue } from '#kernel';
import { concatBytes, FormatError, fromUtf8, noteKey, toHex, uint64, utf8 } from '#merkle';
import { openLeaf } from './entry-opening.js';
import {
  encodeBody,
  encodeLeaf,
  type LedgerBody,
  leafTag,
  NO_PREVIOUS_LEAF,
  nodeCrypto,
  parseBody,
  parseLeaf,
  parsePromise,
  promiseText,
  signPromise,
  verifyPromise,
  viewKeyCommitment,
  vouchingOfBody,
} from './index.js';
import { derived, SampleLog, signingKey } from './testing/sample-log.js';

const log = new SampleLog();
const sample = log.body(log.tenants[0]!, 5);

const signed = { mode: 'signed' as const, keyId: 'sgk-00000000000000001', evidence: 'ab'.repeat(32) };

describe('ledger body v1', () => {
  it('says who vouched with which key, and commits to the evidence', () => {
    const body = { ...sample, vouched: signed };
    expect(parseBody(encodeBody(body))).toEqual(body);
    expect(vouchingOfBody(encodeBody(body))).toEqual(signed);
    expect(vouchingOfBody(encodeBody(sample))).toEqual({ mode: 'custodial' });
    const quoting = {
      ...sample,
      after: `,"vouched":{"evidence":"${signed.evidence}","keyId":"${signed.keyId}","mode":"signed"}}`,
    };
    expect(vouchingOfBody(encodeBody(quoting))).toEqual({ mode: 'custodial' });
  });

  it('has one sequence of bytes and comes back from it', () => {
    const bytes = encodeBody(sample);
    expect(parseBody(bytes)).toEqual(sample);
    const reordered = Object.fromEntries(Object.entries(sample).reverse()) as unknown as LedgerBody;
    expect(toHex(encodeBody(reordered))).toBe(toHex(bytes));
    expect(fromUtf8(bytes)).toMatch(/^\{"action":"subnet\.created","actor":\{"id":/);
  });

  it.each<[string, object]>([
    ['another version', { v: 2 }],
    ['a foreign id', { id: 'subnet-00000000000000005' }],
    ['a tenant that is none', { tenant: 'acme' }],
    ['an unknown class', { class: 'network' }],
    ['an action without an object', { action: 'created' }],
    ['an actor that is neither', { actor: { type: 'robot', id: 'x' } }],
    ['a surplus member of the actor', { actor: { type: 'user', id: 'x', name: 'y' } }],
    ['a line break in the actor', { actor: { type: 'user', id: 'a\nb' } }],
    ['a version below zero', { resource: { type: 'subnet', id: 'subnet-1', version: -1 } }],
    ['a fractional version', { resource: { type: 'subnet', id: 'subnet-1', version: 1.5 } }],
    ['local time', { time: '2026-11-23T12:00:00+01:00' }],
    ['an unknown way of vouching', { vouched: { mode: 'trust-me' } }],
    ['a custodial entry with evidence', { vouched: { mode: 'custodial', evidence: '0'.repeat(64) } }],
    ['a signed entry without evidence', { vouched: { mode: 'signed', keyId: 'sgk-00000000000000001' } }],
    ['a signed entry of an API key', { vouched: { ...signed, keyId: 'key-00000000000000001' } }],
    ['evidence that is no hash', { vouched: { ...signed, evidence: 'x' } }],
    ['a surplus member', { note: 'x' }],
  ])('refuses %s', (_what, change) => {
    const body = { ...sample, ...change } as LedgerBody;
    expect(() => encodeBody(body)).toThrow(FormatError);
    expect(() => parseBody(canonicalJson(body as unknown as JsonValue))).toThrow(FormatError);
  });

  it('refuses bytes that only mean the same', () => {
    const text = fromUtf8(encodeBody(sample));
    for (const other of [
      ` ${text}`,
      text.replace('"v":1', '"v":1.0'),
      text.replace('/', '\\/'),
      `\ufeff${text}`,
      '{',
    ]) {
      expect(() => parseBody(utf8(other))).toThrow('not canonical JSON');
    }
    expect(() => parseBody(Uint8Array.of(0xff))).toThrow(FormatError);
    expect(() => parseBody(new Uint8Array((1 << 20) + 1))).toThrow('longer than');
  });
});

describe('ledger leaf v2', () => {
  const input = {
    origin: log.origin,
    viewKey: log.viewKeys[0]!,
    salt: derived('a salt'),
    body: encodeBody(sample),
    tenantSeq: 7,
    prevHash: derived('a leaf'),
  };
  const leaf = encodeLeaf(nodeCrypto, input);
  const opening = { entryId: sample.id, ...input };

  it('is what the formulas of the format page give', () => {
    const { hmacSha256 } = nodeCrypto;
    expect(parseLeaf(leaf)).toEqual({
      v: 2,
      origin: log.origin,
      tag: toHex(hmacSha256(input.viewKey, concatBytes(utf8(`freehold/tag/v1\n${log.origin}\n`), uint64(7)))),
      commit: toHex(hmacSha256(input.salt, concatBytes(input.body, uint64(7), input.prevHash))),
    });
  });

  it('is canonical JSON, whatever the origin is called', () => {
    for (const origin of ['freehold/a', 'a"b\\c', 'ünïcode/😀', '\u2028\u0001']) {
      const bytes = encodeLeaf(nodeCrypto, { ...input, origin });
      expect(toHex(canonicalJson(JSON.parse(fromUtf8(bytes))))).toBe(toHex(bytes));
      expect(parseLeaf(bytes).origin).toBe(origin);
    }
    expect(() => encodeLeaf(nodeCrypto, { ...input, origin: '\ud800' })).toThrow(FormatError);
  });

  it('opens with its own entry at its own place and with nothing else', () => {
    expect(openLeaf(nodeCrypto, leaf, opening, log).body).toEqual(sample);
    const other = encodeBody({ ...sample, after: null });
    const wrong = [
      { ...opening, body: other },
      { ...opening, salt: derived('another salt') },
      { ...opening, tenantSeq: 8 },
      { ...opening, prevHash: NO_PREVIOUS_LEAF },
      { ...opening, entryId: 'led-00000000000000009' },
    ];
    for (const attempt of wrong) expect(() => openLeaf(nodeCrypto, leaf, attempt, log)).toThrow(FormatError);
    expect(() => openLeaf(nodeCrypto, leaf, opening, { origin: 'freehold/other' })).toThrow('belongs to the log');
    const stranger = { origin: log.origin, viewKey: log.viewKeys[1]! };
    expect(() => openLeaf(nodeCrypto, leaf, opening, stranger)).toThrow('under this view key');
  });

  it('of version 1 still opens, and its class must be that of the body', () => {
    const of = (members: object) => canonicalJson({ ...parseLeaf(leaf), ...members } as unknown as JsonValue);
    const old = of({ v: 1, class: 'configuration' });
    expect(openLeaf(nodeCrypto, old, opening, log).leaf).toMatchObject({ v: 1, class: 'configuration' });
    expect(() => openLeaf(nodeCrypto, of({ v: 1, class: 'audit' }), opening, log)).toThrow('the leaf says audit');
  });

  it('is of exactly one version: neither may borrow the members of the other', () => {
    const of = (members: object) => canonicalJson({ ...parseLeaf(leaf), ...members } as unknown as JsonValue);
    for (const members of [
      { v: 1 },
      { v: 1, class: 'gossip' },
      { class: 'configuration' },
      { v: 3 },
      { v: '2' },
      { note: 'x' },
      { origin: '' },
      { tag: 'A'.repeat(64) },
      { commit: 7 },
    ]) {
      expect(() => parseLeaf(of(members))).toThrow(FormatError);
    }
    for (const other of ['null', '[]', '2', '"leaf"', '{}']) expect(() => parseLeaf(utf8(other))).toThrow(FormatError);
  });

  it('tells nothing of its tenant without the view key: tags of two tenants and two logs never meet', () => {
    const tags = new Set<string>();
    for (const viewKey of log.viewKeys) {
      for (const origin of ['freehold/a', 'freehold/b']) {
        for (let seq = 1; seq <= 50; seq++) tags.add(leafTag(nodeCrypto, viewKey, origin, seq));
      }
    }
    expect(tags.size).toBe(200);
    expect(new Set(log.viewKeys.map((key) => viewKeyCommitment(nodeCrypto, key))).size).toBe(2);
  });

  it('refuses keys, salts and hashes of another length', () => {
    for (const change of [
      { viewKey: new Uint8Array(16) },
      { salt: new Uint8Array(0) },
      { prevHash: new Uint8Array(31) },
    ]) {
      expect(() => encodeLeaf(nodeCrypto, { ...input, ...change })).toThrow(FormatError);
    }
  });

  it('comes back from its bytes alone, and no other bytes are a leaf', () => {
    fc.assert(
      fc.property(fc.nat(leaf.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = leaf.slice();
        changed[at]! ^= flip;
        let parsed: unknown;
        try {
          parsed = parseLeaf(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
          return;
        }
        expect(parsed).not.toEqual(parseLeaf(leaf));
      }),
    );
  });
});

describe.each([null, sample.tenant])('a promise of an entry of %s', (tenant) => {
  const promise = {
    origin: log.origin,
    tenant,
    entryId: sample.id,
    bodyHash: nodeCrypto.sha256(encodeBody(sample)),
    deadline: 1_795_435_260,
  };
  const note = signPromise(log.key, log.signer.sign, promise);

  it('holds for its body under the log key', async () => {
    await expect(verifyPromise(nodeCrypto, note, log.key, encodeBody(sample))).resolves.toEqual(promise);
    await expect(verifyPromise(nodeCrypto, note, log.key, utf8('{}'))).rejects.toThrow('another body');
    const other = signingKey(derived('another log'));
    const stranger = noteKey(nodeCrypto.sha256, log.origin, other.publicKey);
    await expect(verifyPromise(nodeCrypto, note, stranger)).rejects.toThrow('no known key');
    const elsewhere = signPromise(log.key, log.signer.sign, { ...promise, origin: 'freehold/other' });
    await expect(verifyPromise(nodeCrypto, elsewhere, log.key)).rejects.toThrow('another log');
  });

  it('cannot be changed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(note.length - 1), fc.integer({ min: 1, max: 90 }), async (at, by) => {
        const code = 32 + ((note.charCodeAt(at) + by) % 95);
        fc.pre(code !== note.charCodeAt(at));
        const changed = note.slice(0, at) + String.fromCharCode(code) + note.slice(at + 1);
        await expect(verifyPromise(nodeCrypto, changed, log.key)).rejects.toThrow(/./);
      }),
    );
  });

  it('is no checkpoint, and a checkpoint is no promise', async () => {
    for (const origin of ['freehold promise v1', 'freehold promise v2']) {
      expect(() => promiseText({ ...promise, origin })).toThrow(FormatError);
    }
    const checkpoint = await log.checkpoint();
    expect(() => parsePromise(checkpoint)).toThrow('not a promise');
  });
});
