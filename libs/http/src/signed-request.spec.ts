import { createHash, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { RequestSigner } from '../../../test/support/request-signer.js';
import { requireContentDigest } from './content-digest.js';
import { presentedSignature } from './presented-signature.js';
import { SignatureError } from './signature.errors.js';
import { baseOf, requestSignature, requireCovering, type SignableRequest, SignatureChecker } from './signed-request.js';

const signer = new RequestSigner();
const publicKey = Buffer.from(signer.publicKey, 'base64');
const checker = new SignatureChecker();
const NOW = 1_800_000_000;
const expected = { change: true, secretBody: false, now: NOW, window: { past: 300, future: 30 } };

interface Sent {
  method: string;
  path: string;
  query: string;
  host: string;
  body: string;
  headers: Record<string, string>;
}

const signable = ({ method, path, query, host, body, headers }: Sent): SignableRequest => ({
  method,
  url: path + query,
  headers: { host, ...headers },
  body: body === '' ? undefined : Buffer.from(body),
});

function signed(request: Omit<Sent, 'headers'> & { headers?: Record<string, string> }): Sent {
  const { method, path, query, host, body, headers = {} } = request;
  const url = `http://${host}${path}${query}`;
  const made = signer.headers({ method, url, body: body === '' ? undefined : body, headers }, { created: NOW });
  return { ...request, headers: made };
}

/** Whether the request is taken for one that its actor signed. */
async function accepts(sent: Sent): Promise<boolean> {
  try {
    const request = signable(sent);
    const presented = presentedSignature(request.headers);
    if (!presented) return false;
    const components = requireCovering(presented, request, expected);
    const digest = request.headers['content-digest'];
    if (typeof digest === 'string') requireContentDigest(digest, request.body, { signed: true });
    await checker.require(baseOf(components, presented), presented.signature, publicKey);
    return true;
  } catch (error) {
    if (error instanceof Error && 'category' in error) return false;
    throw error;
  }
}

const segment = fc.stringMatching(/^[a-zA-Z0-9._~-]{1,12}$/).filter((text) => !/^\.{1,2}$/.test(text));
const anyRequest = fc.record({
  method: fc.constantFrom('POST', 'PUT', 'PATCH', 'DELETE'),
  path: fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => `/${segments.join('/')}`),
  query: fc.oneof(
    fc.constant(''),
    fc
      .array(fc.tuple(segment, segment), { minLength: 1, maxLength: 3 })
      .map((pairs) => `?${pairs.map((pair) => pair.join('=')).join('&')}`),
  ),
  host: fc.constantFrom('api.example', 'api.example:8080', '127.0.0.1:7070', '[::1]:7070'),
  body: fc.oneof(fc.constant(''), fc.json()),
  headers: fc.record({ 'if-match': fc.constant('"7"') }, { requiredKeys: [] }) as fc.Arbitrary<Record<string, string>>,
});

it('the published signature of RFC 9421, B.2.6, holds, and no other', async () => {
  const path = new URL('../../../test/conformance/signatures/rfc9421.json', import.meta.url);
  const { key, base, signature } = JSON.parse(readFileSync(path, 'utf8'));
  const raw = createPublicKey(key.publicKey).export({ format: 'der', type: 'spki' }).subarray(-32);
  const bytes = Buffer.from(signature, 'base64');
  await checker.require(Buffer.from(base), bytes, raw);
  await expect(checker.require(Buffer.from(`${base} `), bytes, raw)).rejects.toThrow(SignatureError);
  await expect(checker.require(Buffer.from(base), bytes, publicKey)).rejects.toThrow(SignatureError);
});

it('whatever is signed is accepted', async () => {
  await fc.assert(
    fc.asyncProperty(anyRequest, async (request) => {
      expect(await accepts(signed(request))).toBe(true);
    }),
  );
});

it('one character more, less or another, anywhere in what is covered, is refused', async () => {
  const places = [
    'method',
    'path',
    'query',
    'host',
    'body',
    'idempotency-key',
    'if-match',
    'content-digest',
    'signature-input',
    'signature',
  ] as const;
  const edit = fc.constantFrom('insert', 'remove', 'replace');
  await fc.assert(
    fc.asyncProperty(
      anyRequest,
      fc.constantFrom(...places),
      edit,
      fc.nat(),
      fc.stringMatching(/^[!-~]$/),
      async (request, place, kind, at, letter) => {
        const good = signed(request);
        const isOwn =
          place === 'method' || place === 'path' || place === 'query' || place === 'host' || place === 'body';
        const before = (isOwn ? good[place] : good.headers[place]) ?? '';
        const where = at % (before.length + 1);
        const after =
          before.slice(0, where) +
          (kind === 'remove' ? '' : letter) +
          before.slice(where + (kind === 'insert' ? 0 : 1));
        // The same address in other letters, or with the port that it has anyway; a query that is empty, or not there.
        const noQuery = (place === 'path' || place === 'query') && good.query === '';
        const normal = (text: string) => {
          if (place === 'host') return text.toLowerCase().replace(/:(80|443)$/, '');
          return noQuery ? text.replace(/\?$/, '') : text;
        };
        fc.pre(normal(after) !== normal(before));
        const changed = isOwn ? { ...good, [place]: after } : { ...good, headers: { ...good.headers, [place]: after } };
        expect(await accepts(changed)).toBe(false);
      },
    ),
    { numRuns: 600 },
  );
});

it('a signature has one text', async () => {
  const good = signed({ method: 'POST', path: '/v1/vpcs', query: '', host: 'api.example', body: '' });
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const [, last] = /(.)==:$/.exec(good.headers.signature!)!;
  for (const more of [1, 2, 3]) {
    const other = digits[digits.indexOf(last!) + more]!;
    const signature = good.headers.signature!.replace(/.==:$/, `${other}==:`);
    expect(await accepts({ ...good, headers: { ...good.headers, signature } })).toBe(false);
  }
});

it('a header that must be covered cannot be added behind the signature', async () => {
  const good = signed({ method: 'POST', path: '/v1/vpcs', query: '', host: 'api.example', body: '' });
  expect(await accepts(good)).toBe(true);
  expect(await accepts({ ...good, headers: { ...good.headers, 'if-match': '*' } })).toBe(false);
  const body = '{}';
  const digest = `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;
  expect(await accepts({ ...good, body })).toBe(false);
  expect(await accepts({ ...good, body, headers: { ...good.headers, 'content-digest': digest } })).toBe(false);
});

it('the window is as wide as it is set, its ends included', () => {
  const take = (created: number, parameters = '') => {
    const url = 'http://api.example/v1/vpcs';
    const headers = { host: 'api.example', ...signer.headers({ method: 'POST', url }, { created, parameters }) };
    requireCovering(presentedSignature(headers)!, { method: 'POST', url: '/v1/vpcs', headers }, expected);
  };
  for (const created of [NOW - 300, NOW, NOW + 30]) expect(() => take(created)).not.toThrow();
  for (const created of [NOW - 301, NOW + 31]) expect(() => take(created)).toThrow(SignatureError);
  expect(() => take(NOW - 10, `;expires=${NOW}`)).not.toThrow();
  expect(() => take(NOW - 10, `;expires=${NOW - 1}`)).toThrow(SignatureError);
});

it('evidence keeps the body but for one that holds a secret, each under a salt of its own', () => {
  const sent = signed({ method: 'POST', path: '/v1/vpcs', query: '', host: 'api.example', body: '{"a":1}' });
  const request = signable(sent);
  const presented = presentedSignature(request.headers)!;
  const components = requireCovering(presented, request, expected);
  const make = (secretBody: boolean) => requestSignature(presented, components, request, { ...expected, secretBody });
  const [open, again, secret] = [make(false), make(false), make(true)];
  const contentOf = ({ evidence }: typeof open) => JSON.parse(Buffer.from(evidence.document).toString()).content;
  expect(Buffer.from(contentOf(open), 'base64').toString()).toBe('{"a":1}');
  expect(contentOf(secret)).toBeNull();
  expect(open.evidence.document).toEqual(again.evidence.document);
  expect(open.evidence.commitment).not.toBe(again.evidence.commitment);
});
