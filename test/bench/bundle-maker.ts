import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  concatBytes,
  formatCheckpoint,
  formatNote,
  formatVkey,
  noteKey,
  signatureLine,
  TreeAppender,
  TreeHasher,
  utf8,
} from '#merkle';
import {
  BundleWriter,
  encodeBody,
  encodeEvidence,
  encodeLeaf,
  enrolmentStatement,
  evidenceCommitment,
  type LedgerBody,
  NO_PREVIOUS_LEAF,
  nodeCrypto,
  type StoredEvidence,
  signatureBase,
  viewKeyCommitment,
} from '#proof';

export interface BundleShape {
  /** Leaves of the log, all of them the tenant's own: the most work there can be. */
  entries: number;
  /** So many of them, evenly spread, were signed. */
  signed: number;
}

const ORIGIN = 'freehold/bench';
const TENANT = 'tnt-0000000000000000a';
const USER = 'usr-0000000000000000a';
const SIGNING_KEY = 'sgk-0000000000000000a';
const FIRST_SECOND = 1_800_000_000;
const CHUNK_BYTES = 1 << 20;

const sha256 = (text: string) => createHash('sha256').update(text).digest();
const hasher = new TreeHasher(nodeCrypto.sha256);

class Signer {
  private readonly secret: KeyObject;
  readonly publicKey: Uint8Array;

  constructor(label: string) {
    const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), sha256(label)]);
    this.secret = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
    this.publicKey = createPublicKey(this.secret).export({ format: 'der', type: 'spki' }).subarray(-32);
  }

  readonly sign = (message: Uint8Array): Uint8Array => sign(null, message, this.secret);
}

const logSigner = new Signer('log');
const root = new Signer('root');
const actor = new Signer('actor');
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');

/** What the verifier pins. */
export const PINS = {
  vkey: formatVkey(noteKey(nodeCrypto.sha256, ORIGIN, logSigner.publicKey)),
  viewKey: sha256('view key'),
  rootPublicKey: base64(root.publicKey),
};

/**
 * Writes a bundle of that shape as a stream. It is made twice, because the signed head stands before the leaves: once for its
 * root, keeping nothing but the signatures, and once for the file.
 */
export async function writeSampleBundle(file: string, shape: BundleShape): Promise<void> {
  const signatures = new Uint8Array(shape.signed * 64);
  const tree = TreeAppender.empty(hasher);
  let batch: Uint8Array[] = [];
  for (const { leaf } of entriesOf(shape, signatures, true)) {
    batch.push(hasher.leaf(leaf));
    if (batch.length < 256) continue;
    tree.append(batch);
    batch = [];
  }
  tree.append(batch);
  await pipeline(Readable.from(inChunks(linesOf(shape, signatures, tree.root()))), createWriteStream(file));
}

function* linesOf(shape: BundleShape, signatures: Uint8Array, treeRoot: Uint8Array): Generator<Uint8Array> {
  const writer = new BundleWriter(nodeCrypto);
  const { entries: size } = shape;
  yield writer.header({ origin: ORIGIN, vkey: PINS.vkey, keys: [], tenant: TENANT, size, entries: size });
  const text = formatCheckpoint({ origin: ORIGIN, size, root: treeRoot, extensions: [] });
  const key = noteKey(nodeCrypto.sha256, ORIGIN, logSigner.publicKey);
  yield writer.checkpoint(formatNote(text, [signatureLine(key, logSigner.sign, text)]));
  for (const { index, leaf, opening, evidence } of entriesOf(shape, signatures, false)) {
    yield writer.leaf(index, hasher.leaf(leaf), leaf, { ...opening, seq: index + 1, evidence });
  }
  yield writer.trailer();
}

function* inChunks(lines: Iterable<Uint8Array>): Generator<Uint8Array> {
  let chunk: Uint8Array[] = [];
  let bytes = 0;
  for (const line of lines) {
    chunk.push(line);
    bytes += line.length;
    if (bytes < CHUNK_BYTES) continue;
    yield concatBytes(...chunk);
    chunk = [];
    bytes = 0;
  }
  yield concatBytes(...chunk);
}

/** Genesis, the enrolment of the key, and subnets. Signs, and keeps the signatures, or takes those that were kept. */
function* entriesOf({ entries, signed }: BundleShape, signatures: Uint8Array, first: boolean) {
  let prevHash = NO_PREVIOUS_LEAF;
  let done = 0;
  for (let index = 0; index < entries; index++) {
    const due = index > 1 && done < Math.ceil((signed * (index - 1)) / (entries - 2));
    const place = signatures.subarray(done * 64, done * 64 + 64);
    const request = due ? signedRequest(index, first ? null : place) : null;
    if (request && first) place.set(request.signature);
    if (due) done++;
    const body = encodeBody(bodyOf(index, request?.commitment ?? null));
    const salt = sha256(`salt ${index}`);
    const opening = { id: idOf('led', index), body, salt };
    const leaf = encodeLeaf(nodeCrypto, {
      ...opening,
      origin: ORIGIN,
      viewKey: PINS.viewKey,
      tenantSeq: index + 1,
      prevHash,
    });
    yield { index, leaf, opening, evidence: request?.evidence ?? null };
    prevHash = hasher.leaf(leaf);
  }
}

function bodyOf(index: number, commitment: string | null): LedgerBody {
  const about = (action: string, type: string, id: string, after: LedgerBody['after']) => ({
    v: 1 as const,
    id: idOf('led', index),
    tenant: TENANT,
    class: 'configuration' as const,
    action,
    actor: { type: 'user' as const, id: USER },
    keyId: 'key-0000000000000000a',
    resource: { type, id, version: 1 },
    before: null,
    after,
    requestId: idOf('req', index),
    time: new Date((FIRST_SECOND + Math.floor(index / 500)) * 1000).toISOString(),
    vouched: commitment
      ? { mode: 'signed' as const, keyId: SIGNING_KEY, evidence: commitment }
      : { mode: 'custodial' as const },
  });
  if (index === 0) {
    const commitments = { viewKeyCommitment: viewKeyCommitment(nodeCrypto, PINS.viewKey) };
    return about('tenant.genesis', 'tenant', TENANT, { rootPublicKey: PINS.rootPublicKey, ...commitments });
  }
  if (index === 1) return about('signing-key.enrolled', 'signing-key', SIGNING_KEY, enrolment());
  const id = idOf('subnet', index);
  return about('subnet.created', 'subnet', id, { id, ...subnetOf(index), state: 'pending', tags: {}, version: 1 });
}

function enrolment() {
  const named = { keyId: SIGNING_KEY, userId: USER, publicKey: base64(actor.publicKey), enrolledBy: 'root' };
  const statement = utf8(enrolmentStatement({ origin: ORIGIN, tenant: TENANT }, named));
  const { keyId: _resource, ...members } = named;
  return { ...members, signature: base64(root.sign(statement)), possession: base64(actor.sign(statement)) };
}

function signedRequest(index: number, kept: Uint8Array | null) {
  const content = utf8(JSON.stringify(subnetOf(index)));
  const components = [
    ['@method', 'POST'],
    ['@authority', 'cloud.example'],
    ['@path', '/v1/subnets'],
    ['@query', '?'],
    ['content-digest', `sha-256=:${base64(nodeCrypto.sha256(content))}:`],
    ['idempotency-key', idOf('req', index)],
  ] as const;
  const names = components.map(([name]) => `"${name}"`).join(' ');
  const created = FIRST_SECOND + Math.floor(index / 500);
  const input = `(${names});created=${created};nonce="${idOf('n', index)}";keyid="${SIGNING_KEY}";tag="freehold-v1"`;
  const signature = kept ?? actor.sign(signatureBase(components, input));
  const evidenceOf = { keyId: SIGNING_KEY, signatureInput: input, components };
  const document = encodeEvidence({ ...evidenceOf, signature: base64(signature), content: base64(content) });
  const salt = sha256(`evidence salt ${index}`);
  const evidence: StoredEvidence = { document: base64(document), salt: base64(salt) };
  return { signature, evidence, commitment: evidenceCommitment(nodeCrypto, salt, document) };
}

function subnetOf(index: number) {
  return {
    vpcId: 'vpc-0000000000000000a',
    cidrBlock: `10.${(index >> 12) & 255}.${(index >> 4) & 255}.${(index & 15) * 16}/28`,
    zone: 'zone-1',
  };
}

function idOf(prefix: string, index: number): string {
  return `${prefix}-${index.toString(16).padStart(17, '0')}`;
}
