import { createHash, createPrivateKey, createPublicKey, sign as nodeSign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { canonicalJson, type JsonValue } from '#kernel';
import { FormatError, fromUtf8, toHex, utf8 } from '#merkle';
import {
  type EvidenceDocument,
  encodeEvidence,
  evidenceCommitment,
  nodeCrypto,
  parseContentDigest,
  parseEvidence,
  parseSignatureInput,
  signatureBase,
  verifyEvidence,
} from './index.js';
import { SampleActor } from './testing/sample-actor.js';

const vectors = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../../test/conformance/signatures/${name}.json`, import.meta.url), 'utf8'));

describe('RFC 9421', () => {
  const { key, signatureInput, base, signature, request } = vectors('rfc9421');
  const values = new Map<string, string>([
    ['@method', request.method],
    ['@path', request.target.split('?')[0]],
    ['@authority', request.headers.host],
    ...(Object.entries(request.headers) as [string, string][]),
  ]);

  it('B.2.6: the base, and the signature of the published key', async () => {
    const input = parseSignatureInput(signatureInput);
    expect(input).toEqual({
      components: ['date', '@method', '@path', '@authority', 'content-type', 'content-length'],
      created: 1618884473,
      expires: null,
      nonce: null,
      keyId: 'test-key-ed25519',
      algorithm: null,
      tag: null,
    });
    const ours = signatureBase(
      input.components.map((name) => [name, values.get(name)!]),
      signatureInput,
    );
    expect(fromUtf8(ours)).toBe(base);
    const publicKey = createPublicKey(key.publicKey).export({ format: 'der', type: 'spki' }).subarray(-32);
    expect(await nodeCrypto.ed25519Verify(publicKey, ours, Buffer.from(signature, 'base64'))).toBe(true);
    expect(nodeSign(null, ours, createPrivateKey(key.privateKey)).toString('base64')).toBe(signature);
  });
});

describe('RFC 9530', () => {
  it.each(vectors('rfc9530').examples as { content: string; field: string }[])('$field', ({ content, field }) => {
    const [[algorithm, digest]] = [...parseContentDigest(field)] as [[string, Uint8Array]];
    expect(createHash(algorithm.replace('-', '')).update(content).digest('hex')).toBe(toHex(digest));
  });

  it('takes several algorithms, each once', () => {
    expect([...parseContentDigest('sha-256=:AA==:, sha-512=:AQ==:').keys()]).toEqual(['sha-256', 'sha-512']);
    for (const field of [
      '',
      'sha-256',
      'sha-256=AA==',
      'sha-256=:AA==:,',
      'sha-256=:AA==:, sha-256=:AA==:',
      'SHA-256=:AA==:',
      'sha-256=:A:',
    ]) {
      expect(() => parseContentDigest(field)).toThrow(FormatError);
    }
  });
});

describe('the signature input', () => {
  it.each([
    ['("@method");created=1;nonce="a"', 1],
    ['();created=1', 1],
    ['("@method" "@path");nonce="with \\"quotes\\" and \\\\";created=-1', -1],
  ])('reads %s', (text, created) => {
    expect(parseSignatureInput(text).created).toBe(created);
  });

  it.each([
    '',
    '("@method"',
    '("@method" "@method")',
    '("@method"  "@path")',
    '( "@method")',
    '("@query-param";name="a");created=1',
    '("@method");created=1;created=2',
    '("@method");created="1"',
    '("@method");nonce=1',
    '("@method");sealed',
    '("@method"); created=1',
    '("Content-Digest")',
    `("@method");nonce="${'x'.repeat(3000)}"`,
  ])('refuses %s', (text) => {
    expect(() => parseSignatureInput(text)).toThrow(FormatError);
  });

  it('reads the names and the nonce that any writer put in', () => {
    const name = fc.stringMatching(/^[@a-z][a-z0-9-]{0,20}$/);
    const nonce = fc.stringMatching(/^[ -~]{0,40}$/);
    fc.assert(
      fc.property(fc.uniqueArray(name, { maxLength: 8 }), nonce, fc.nat(), (names, text, created) => {
        const quoted = text.replace(/["\\]/g, '\\$&');
        const input = `(${names.map((one) => `"${one}"`).join(' ')});nonce="${quoted}";created=${created}`;
        expect(parseSignatureInput(input)).toMatchObject({ components: names, nonce: text, created });
      }),
    );
  });

  it('has no place for a value that would make a line of its own', () => {
    expect(() => signatureBase([['date', 'a\n"@method": DELETE']], '("date")')).toThrow(FormatError);
    expect(() => signatureBase([['date', 'é']], '("date")')).toThrow(FormatError);
  });
});

describe('evidence v1', () => {
  const actor = new SampleActor();
  const request = { method: 'POST', path: '/v1/subnets', query: '?dryRun=false', body: '{"cidrBlock":"10.0.0.0/24"}' };
  const evidence = actor.evidence(request);
  const document = encodeEvidence(evidence);

  it('has one sequence of bytes and comes back from it', () => {
    expect(parseEvidence(document)).toEqual(evidence);
    expect(evidenceCommitment(nodeCrypto, new Uint8Array(32), document)).toBe(
      toHex(nodeCrypto.hmacSha256(new Uint8Array(32), document)),
    );
    expect(() => evidenceCommitment(nodeCrypto, new Uint8Array(31), document)).toThrow(FormatError);
  });

  it('gives what the actor asked for', async () => {
    expect(await verifyEvidence(nodeCrypto, document, actor.publicKey)).toEqual({
      keyId: actor.keyId,
      method: 'POST',
      authority: 'api.example',
      path: '/v1/subnets',
      query: '?dryRun=false',
      body: utf8(request.body),
      bodyWithheld: false,
      created: 1_800_000_000,
      nonce: 'nonce-1',
      idempotencyKey: 'key-1',
      ifMatch: null,
    });
  });

  it('without its content still proves the request, and says that the content is withheld', async () => {
    const withheld = encodeEvidence({ ...evidence, content: null });
    expect(await verifyEvidence(nodeCrypto, withheld, actor.publicKey)).toMatchObject({
      body: null,
      bodyWithheld: true,
    });
  });

  const refused: [string, (evidence: EvidenceDocument) => Partial<EvidenceDocument>][] = [
    ['another signature', () => ({ signature: actor.evidence({ ...request, query: '?' }).signature })],
    ['another key id', () => ({ keyId: 'sgk-00000000000000009' })],
    ['another content', () => ({ content: btoa('{"cidrBlock":"10.0.0.0/16"}') })],
    ['another method', ({ components }) => ({ components: replaced(components, '@method', 'PUT') })],
    ['another path', ({ components }) => ({ components: replaced(components, '@path', '/v1/vpcs') })],
    ['another query', ({ components }) => ({ components: replaced(components, '@query', '?') })],
    ['another authority', ({ components }) => ({ components: replaced(components, '@authority', 'other.example') })],
    ['another idempotency key', ({ components }) => ({ components: replaced(components, 'idempotency-key', 'key-2') })],
    ['a component less', ({ components }) => ({ components: components.slice(1) })],
    ['a component more', ({ components }) => ({ components: [...components, ['date', 'today']] as const })],
    ['a line in a value', ({ components }) => ({ components: replaced(components, '@method', 'POST\n') })],
    ['another nonce', ({ signatureInput }) => ({ signatureInput: signatureInput.replace('nonce-1', 'nonce-2') })],
    ['another time', ({ signatureInput }) => ({ signatureInput: signatureInput.replace('created=1', 'created=2') })],
    ['another tag', ({ signatureInput }) => ({ signatureInput: signatureInput.replace('freehold-v1', 'other') })],
  ];
  it.each(refused)('refuses %s', async (_what, change) => {
    const changed = encodeEvidence({ ...evidence, ...change(evidence) });
    await expect(verifyEvidence(nodeCrypto, changed, actor.publicKey)).rejects.toThrow(FormatError);
  });

  it.each(['@method', '@authority', '@path', '@query', 'idempotency-key', 'content-digest'])(
    'refuses a signature that does not cover %s',
    async (name) => {
      const changed = encodeEvidence(actor.evidence(request, { without: name }));
      await expect(verifyEvidence(nodeCrypto, changed, actor.publicKey)).rejects.toThrow(/does not cover/);
    },
  );

  it('refuses the signature of another key', async () => {
    await expect(verifyEvidence(nodeCrypto, document, new SampleActor('other').publicKey)).rejects.toThrow(
      /not one of/,
    );
  });

  it('refuses bytes that only mean the same, and members that do not belong', () => {
    const value = JSON.parse(fromUtf8(document));
    const bytes = (changes: object) => canonicalJson({ ...value, ...changes } as JsonValue);
    expect(() => parseEvidence(utf8(` ${fromUtf8(document)}`))).toThrow(FormatError);
    for (const changes of [
      { v: 2 },
      { type: 'freehold-receipt' },
      { note: 'x' },
      { keyId: 'key-00000000000000001' },
      { signature: 1 },
      { components: [['@method']] },
      { components: {} },
      { content: 3 },
    ]) {
      expect(() => parseEvidence(bytes(changes))).toThrow(FormatError);
    }
  });
});

function replaced(components: EvidenceDocument['components'], name: string, value: string) {
  return components.map(([one, was]): [string, string] => [one, one === name ? value : was]);
}
