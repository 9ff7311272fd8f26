#!/usr/bin/env node
/**
 * An independent verifier of audit bundles, versions 1 and 2, written from docs/formats alone: it imports nothing but Node.
 *
 *   node verify-bundle.mjs bundle.jsonl [--vkey <vkey>] [--view-key <base64>] [--root-key <base64>]
 *
 * Checks the log's signatures and its changes of key, the tree, the tenant's chain and tags, the commitments to bodies, the
 * signed requests and the enrolments of their keys, erased entries, and the digest. It does not recompute what a signed
 * request had to do, nor look at chains or witnesses. Ends with 0 when everything holds, with 6 and the first thing that does
 * not otherwise.
 */
import { createHash, createHmac, createPublicKey, verify } from 'node:crypto';
import { createReadStream, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const NAME = /^[^\s+]+$/u;
const SYSTEM_TENANT = 'tnt-00000000000000000';
const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest();
const hmac = (key, ...parts) => createHmac('sha256', key).update(Buffer.concat(parts)).digest('hex');
const text = (value) => Buffer.from(value, 'utf8');
const leafHash = (leaf) => sha256(Buffer.of(0), leaf);
const nodeHash = (left, right) => sha256(Buffer.of(1), left, right);

/** Whatever does not hold. */
export class Refused extends Error {}
const refuse = (why) => {
  throw new Refused(why);
};
const require = (holds, why) => holds || refuse(why);

function base64(value) {
  require(typeof value === 'string' && /^[A-Za-z0-9+/]*={0,2}$/.test(value), 'a text is not base64');
  const bytes = Buffer.from(value, 'base64');
  require(bytes.toString('base64') === value, 'a text is not canonical base64');
  return bytes;
}

function hash(value) {
  require(/^[0-9a-f]{64}$/.test(value), 'a hash is not 64 hexadecimal digits');
  return Buffer.from(value, 'hex');
}

function uint64(value) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

/** RFC 8785: members by the UTF-16 code units of their names; numbers and strings as ECMAScript writes them. */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) {
    require(typeof value !== 'number' ||
      !Number.isInteger(value) ||
      Number.isSafeInteger(value), 'a number is too large');
    require(typeof value !== 'string' || value.isWellFormed(), 'a text has a lone surrogate');
    return JSON.stringify(value);
  }
  const members = Object.keys(value).sort();
  require(members.every((name) => name.isWellFormed()), 'a name has a lone surrogate');
  return `{${members.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(',')}}`;
}

function parse(bytes, members) {
  let value;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    refuse('not JSON in UTF-8');
  }
  require(text(canonical(value)).equals(bytes), 'not in canonical form');
  if (members) exactly(value, members);
  return value;
}

function exactly(value, members) {
  require(typeof value === 'object' && value !== null && !Array.isArray(value), 'not an object');
  require(Object.keys(value).sort().join() === [...members].sort().join(), `not exactly the members ${members}`);
  return value;
}

const natural = (value) => require(Number.isSafeInteger(value) && value >= 0, 'not a natural number');

function ed25519(publicKey, message, signature) {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), publicKey]);
  try {
    return verify(null, message, createPublicKey({ key: der, format: 'der', type: 'spki' }), signature);
  } catch {
    return false;
  }
}

/** A verifier key: name+id+base64(0x01 || key), c2sp.org/signed-note. */
function logKey(vkey) {
  const [name, id, ...rest] = String(vkey).split('+');
  const bytes = base64(rest.join('+'));
  require(NAME.test(name) && bytes.length === 33 && bytes[0] === 1, 'not the key of a log');
  const expected = sha256(text(`${name}\n`), bytes).subarray(0, 4);
  require(expected.toString('hex') === id, 'the id of a key is not its own');
  return { vkey, name, id: expected, publicKey: bytes.subarray(1) };
}

/** The text of a note that the key signed. */
function signedText(note, key) {
  const split = String(note).lastIndexOf('\n\n');
  require(split > 0 && note.endsWith('\n'), 'not a signed note');
  const body = note.slice(0, split + 1);
  let signed = false;
  for (const line of note.slice(split + 2, -1).split('\n')) {
    const [dash, name, encoded, ...more] = line.split(' ');
    require(dash === '\u2014' && more.length === 0 && NAME.test(name), 'a signature line is malformed');
    const signature = base64(encoded);
    require(signature.length >= 5, 'a signature is too short');
    if (name !== key.name || !signature.subarray(0, 4).equals(key.id)) continue;
    require(ed25519(key.publicKey, text(body), signature.subarray(4)), 'the signature of the log is wrong');
    signed = true;
  }
  require(signed, 'the log did not sign it with the key of that size');
  return body;
}

function checkpoint(body) {
  const [origin, size, root] = body.split('\n');
  require(/^(0|[1-9][0-9]{0,15})$/.test(size), 'the size of a checkpoint is malformed');
  require(base64(root).length === 32, 'the root of a checkpoint is not 32 bytes');
  return { origin, size: Number(size), root: base64(root) };
}

const unsigned = (note) => checkpoint(String(note).slice(0, String(note).lastIndexOf('\n\n') + 1));

/** RFC 9162 section 2.1.3.2. */
function included(leaf, index, size, root, path) {
  let [node, last, value] = [index, size - 1, leaf];
  for (const sibling of path) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      value = nodeHash(sibling, value);
      while (node % 2 === 0 && node !== 0) [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
    } else value = nodeHash(value, sibling);
    [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  }
  return index < size && last === 0 && value.equals(root);
}

/** A growing tree: the roots of its complete subtrees, largest first. */
class Tree {
  stack = [];
  size = 0;
  add(leaf) {
    let node = leaf;
    for (let rest = this.size; rest % 2 === 1; rest = Math.floor(rest / 2)) node = nodeHash(this.stack.pop(), node);
    this.stack.push(node);
    this.size++;
  }
  root() {
    return this.stack.length === 0 ? sha256() : this.stack.reduceRight((right, left) => nodeHash(left, right));
  }
}

function parseLeaf(bytes, origin) {
  const leaf = parse(bytes);
  exactly(leaf, leaf?.v === 1 ? ['v', 'origin', 'class', 'tag', 'commit'] : ['v', 'origin', 'tag', 'commit']);
  require(leaf.v === 1 || leaf.v === 2, 'a leaf of an unknown version');
  require(leaf.origin === origin, 'a leaf of another log');
  hash(leaf.tag);
  hash(leaf.commit);
  return leaf;
}

const BODY = 'v id tenant class action actor keyId resource before after requestId time vouched'.split(' ');

/** The body that a leaf commits to at this place of its chain. */
function opened(leafBytes, { id, seq, body, salt }, prevHash, origin) {
  const [bytes, key] = [base64(body), base64(salt)];
  const content = parse(bytes, BODY);
  const leaf = parseLeaf(leafBytes, origin);
  require(content.v === 1 && content.id === id, 'the body is that of another entry');
  require(leaf.class === undefined || leaf.class === content.class, 'the leaf is of another class');
  require(key.length === 32, 'a salt is not 32 bytes');
  require(hmac(key, bytes, uint64(seq), prevHash) ===
    leaf.commit, 'the leaf does not commit to this body at this place');
  return content;
}

/** Which key signs which sizes: the key that is known, and those that it handed over to, each by an entry of the log. */
function schedule(known, links, head) {
  const own = links.findIndex(({ vkey }) => vkey === known.vkey);
  const spans = own < 0 ? [{ key: known, from: 0 }] : [];
  for (const link of links.slice(Math.max(own, 0))) {
    exactly(link, ['vkey', 'endorsement', 'index', 'opening', 'proof']);
    exactly(link.opening, ['entryId', 'body', 'salt', 'tenantSeq', 'prevHash', 'leaf']);
    const key = logKey(link.vkey);
    const before = spans.at(-1);
    require(key.name === known.name &&
      !spans.some((span) => span.key.vkey === key.vkey), 'a key is of another log, or twice');
    if (before) {
      require(link.index >= before.from, 'a key stands before the one it follows');
      const said = signedText(link.endorsement, before.key);
      require(said === `freehold log-key v1\n${known.name}\n${link.vkey}\n`, 'the endorsement is of another key');
    }
    const { entryId, tenantSeq, prevHash, leaf, ...rest } = link.opening;
    const body = opened(base64(leaf), { id: entryId, seq: tenantSeq, ...rest }, hash(prevHash), known.name);
    const says = body.tenant === SYSTEM_TENANT && body.action === 'log-key.rotated' && body.resource.type === 'log-key';
    const { vkey, endorsement } = body.after ?? {};
    require(says && vkey === link.vkey && endorsement === link.endorsement, 'no entry hands over to this key');
    const path = link.proof.map(base64);
    require(included(leafHash(base64(leaf)), link.index, head.size, head.root, path), 'a key is not in the log');
    spans.push({ key, from: link.index + 1 });
  }
  return (size) =>
    spans.findLast(({ from }) => from <= size)?.key ?? refuse('a checkpoint is older than the known key');
}

/** What the actor signed: RFC 9421, over the components in their order and the parameters. */
function signedRequest({ document, salt }, vouched, publicKey) {
  const bytes = base64(document);
  require(hmac(base64(salt), bytes) === vouched.evidence, 'the entry does not commit to this evidence');
  const evidence = parse(bytes, ['v', 'type', 'keyId', 'signatureInput', 'signature', 'components', 'content']);
  require(evidence.v === 1 && evidence.type === 'freehold-evidence', 'not evidence of version 1');
  require(evidence.keyId === vouched.keyId, 'the evidence is of another key');
  const input = evidence.signatureInput;
  const covered = evidence.components.map(([name]) => `"${name}"`).join(' ');
  require(input.startsWith(`(${covered});`), 'the components are not those that were signed');
  const parameters = input.slice(covered.length + 2);
  require(parameters.includes(`;keyid="${vouched.keyId}"`), 'the signature names another key');
  require(parameters.includes(';tag="freehold-v1"'), 'the signature is not one for this service');
  if (evidence.content !== null) {
    const digest = evidence.components.find(([name]) => name === 'content-digest')?.[1] ?? '';
    const expected = `sha-256=:${sha256(base64(evidence.content)).toString('base64')}:`;
    require(digest.split(/[ \t]*,[ \t]*/).includes(expected), 'the content is not the one that was signed');
  }
  const lines = evidence.components.map(([name, value]) => `"${name}": ${value}\n`).join('');
  const base = text(`${lines}"@signature-params": ${input}`);
  require(ed25519(publicKey, base, base64(evidence.signature)), 'the signature of the request is wrong');
  return /;nonce="([^"]*)"/.exec(parameters)?.[1] ?? refuse('the signature has no nonce');
}

/** One tenant's chain through the leaves. */
class Chain {
  seq = 0;
  prevHash = Buffer.alloc(32);
  keys = new Map();
  uses = new Map();
  erased = 0;
  tags = new Map();
  constructor({ origin, tenant }, { viewKey, rootKey }) {
    Object.assign(this, { origin, tenant, viewKey, rootKey });
    this.expect();
  }

  expect() {
    if (this.viewKey)
      this.tags.set(hmac(this.viewKey, text(`freehold/tag/v1\n${this.origin}\n`), uint64(this.seq + 1)), this.seq + 1);
  }

  /** An entry's number is at most its index plus one. */
  requireNoLater(shown, size) {
    for (let seq = this.seq + 2; seq <= size; seq++) {
      const tag = hmac(this.viewKey, text(`freehold/tag/v1\n${this.origin}\n`), uint64(seq));
      require(!shown.has(tag), `the tenant's entry number ${seq} is in the log, and the bundle leaves it out`);
    }
  }

  own(leafBytes, entry) {
    require(entry.seq === this.seq + 1, 'an entry is missing, or twice there');
    const { tag } = parseLeaf(leafBytes, this.origin);
    require(!this.viewKey || this.tags.get(tag) === entry.seq, 'the tag is not that of this number');
    if (entry.erased) {
      require(entry.seq > 1, 'the first entry is never erased');
      this.erased++;
    } else this.open(leafBytes, entry);
    this.seq++;
    this.prevHash = leafHash(leafBytes);
    this.expect();
  }

  open(leafBytes, entry) {
    const body = opened(leafBytes, entry, this.prevHash, this.origin);
    require(body.tenant === this.tenant, "an entry is another tenant's");
    if (entry.seq === 1) this.genesis(body);
    if (body.action === 'signing-key.enrolled') this.enrol(body.resource.id, body.after ?? {});
    const { vouched } = body;
    require(vouched.mode === 'signed' || !entry.evidence, 'nobody signed, and yet there is evidence');
    const key = this.keys.get(vouched.keyId);
    if (vouched.mode !== 'signed' || !entry.evidence || (!key && this.erased > 0)) return;
    require(key?.userId === body.actor.id, "the key is not the actor's");
    const nonce = signedRequest(entry.evidence, vouched, key.publicKey);
    const use = `${vouched.evidence} ${body.requestId}`;
    const before = this.uses.get(`${vouched.keyId} ${nonce}`);
    require(before === undefined || before === use, 'a request was used before');
    this.uses.set(`${vouched.keyId} ${nonce}`, use);
  }

  genesis({ action, resource, after }) {
    require(action === 'tenant.genesis' &&
      resource.id === this.tenant, 'the first entry is not the genesis of its tenant');
    const commitment = this.viewKey && sha256(text('freehold/view-key/v1\n'), this.viewKey).toString('hex');
    require(!this.viewKey || after.viewKeyCommitment === commitment, 'the genesis commits to another view key');
    require(!this.rootKey || after.rootPublicKey === this.rootKey, 'the genesis pins another root key');
    this.root = after.rootPublicKey;
  }

  enrol(keyId, { userId, publicKey, enrolledBy, signature, possession }) {
    const enroller = enrolledBy === 'root' ? this.root && base64(this.root) : this.keys.get(enrolledBy)?.publicKey;
    if (!enroller && this.erased > 0) return;
    require(enroller && !this.keys.has(keyId), 'a key is enrolled by none of the tenant, or twice');
    const names = [this.origin, this.tenant, userId, keyId, publicKey, enrolledBy];
    const statement = text(`freehold signing-key v1\n${names.join('\n')}\n`);
    require(ed25519(enroller, statement, base64(signature)), 'the enrolment is not signed by the key that enrolled');
    require(ed25519(base64(publicKey), statement, base64(possession)), 'nobody showed that they hold a key');
    this.keys.set(keyId, { userId, publicKey: base64(publicKey) });
  }
}

const ENTRY = { 1: ['id', 'seq', 'body', 'salt'], 2: ['id', 'seq', 'body', 'salt', 'evidence'] };
const LINES = {
  'freehold-bundle': { 1: ['type', 'v', 'origin', 'vkey', 'tenant', 'size', 'entries'] },
  checkpoint: { 1: ['type', 'note'] },
  anchor: { 1: ['type', 'anchor'], 2: ['type', 'anchor', 'proof'] },
  leaf: { 1: ['type', 'index', 'hash', 'leaf', 'entry'] },
  trailer: { 1: ['type', 'checkpoints', 'anchors', 'leaves', 'entries', 'digest'] },
};
LINES['freehold-bundle'][2] = [...LINES['freehold-bundle'][1], 'keys'];
const RANK = Object.keys(LINES);

/** @param lines the lines as bytes without their newlines, in order. @throws Refused */
export async function verifyBundle(lines, { vkey, viewKey, rootKey } = {}) {
  let [header, chain, digest, at, trailer] = [null, null, null, 0, null];
  const [tree, heads, anchors, shown] = [new Tree(), [], [], []];
  const pins = { viewKey: viewKey && base64(viewKey), rootKey };

  /** Once every head is known. */
  const openHeads = () => {
    const last = heads.at(-1) ?? refuse('there is no checkpoint');
    require(vkey === undefined ||
      [header, ...header.keys].some((one) => one.vkey === vkey), 'the log is not the known one');
    require(logKey(header.vkey).name === header.origin, 'the key is of another log');
    const keyFor = schedule(logKey(vkey ?? header.vkey), header.keys, last);
    for (const head of heads) {
      require(checkpoint(signedText(head.note, keyFor(head.size))).origin ===
        header.origin, 'a checkpoint of another log');
    }
    require(last.size === header.size, 'no checkpoint covers all leaves');
    chain = new Chain(header, pins);
  };

  const onLine = (line) => {
    if (line.type === 'freehold-bundle') header = { keys: [], ...line };
    if (line.type === 'checkpoint') {
      const head = { note: line.note, ...unsigned(line.note) };
      require(head.size > (heads.at(-1)?.size ?? 0) && head.size <= header.size, 'checkpoints are out of order');
      heads.push(head);
    }
    if (line.type === 'anchor') {
      const head = heads.find(({ size }) => size === line.anchor.size);
      require(head && head.root.toString('hex') === line.anchor.root, 'an anchor is of no checkpoint');
      require(line.anchor.size > (anchors.at(-1) ?? 0), 'anchors are out of order');
      anchors.push(line.anchor.size);
    }
    if (line.type === 'leaf') onLeaf(line);
  };

  const onLeaf = ({ index, hash: claimed, leaf, entry }) => {
    require(index === tree.size && index < header.size, 'a leaf is out of order');
    const bytes = base64(leaf);
    require(leafHash(bytes).equals(hash(claimed)), 'a leaf does not have its hash');
    if (entry) {
      exactly(entry, header.v === 2 && entry.erased === true ? ['id', 'seq', 'erased'] : ENTRY[header.v]);
      if (entry.evidence) exactly(entry.evidence, ['document', 'salt']);
      chain.own(bytes, entry);
    } else shown.push({ index, tag: parseLeaf(bytes, header.origin).tag });
    tree.add(leafHash(bytes));
    for (const { size, root } of heads) {
      require(size !== tree.size || root.equals(tree.root()), `the leaves do not hash to the head of ${size}`);
    }
  };

  for await (const bytes of lines) {
    require(!trailer, 'there is something after the trailer');
    const line = parse(bytes);
    const rank = RANK.indexOf(line?.type);
    const version = header?.v ?? line?.v;
    require((version === 1 || version === 2) &&
      rank >= at &&
      (rank === 0) === (header === null), 'a line is out of place');
    exactly(line, LINES[line.type][version] ?? LINES[line.type][1]);
    for (const name of ['size', 'entries', 'index', 'checkpoints', 'anchors', 'leaves'])
      name in line && natural(line[name]);
    at = Math.max(rank, 1);
    if (rank >= 2 && chain === null) openHeads();
    digest ??= sha256(text(`freehold/bundle/v${version}\n`));
    if (line.type === 'trailer') trailer = line;
    else digest = sha256(digest, sha256(bytes));
    onLine(line);
  }
  require(trailer, 'the bundle was cut off');
  const left = shown.find(({ tag }) => chain.tags.has(tag));
  require(!left, `the leaf at index ${left?.index} is the tenant's, and the bundle leaves it out`);
  if (chain.viewKey) chain.requireNoLater(new Set(shown.map(({ tag }) => tag)), tree.size);
  require(tree.size === header.size &&
    chain.seq === header.entries, 'there are fewer leaves or entries than announced');
  const counted = [heads.length, anchors.length, tree.size, chain.seq, digest.toString('hex')].join();
  const { checkpoints, leaves, entries } = trailer;
  require([checkpoints, trailer.anchors, leaves, entries, trailer.digest].join() ===
    counted, 'the trailer does not agree');
  return {
    tenant: header.tenant,
    leaves: tree.size,
    entries: chain.seq,
    erased: chain.erased,
    complete: Boolean(viewKey),
  };
}

/** The lines of a stream, each ended by a newline. */
export async function* linesOf(stream) {
  let rest = Buffer.alloc(0);
  for await (const chunk of stream) {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      yield rest.subarray(0, end);
      rest = rest.subarray(end + 1);
    }
  }
  require(rest.length === 0, 'the last line was cut off');
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const options = { vkey: { type: 'string' }, 'view-key': { type: 'string' }, 'root-key': { type: 'string' } };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const pins = { vkey: values.vkey, viewKey: values['view-key'], rootKey: values['root-key'] };
  try {
    const report = await verifyBundle(linesOf(createReadStream(positionals[0] ?? '')), pins);
    console.log(JSON.stringify({ ok: true, ...report }));
  } catch (error) {
    console.log(JSON.stringify({ ok: false, detail: error.message }));
    process.exitCode = 6;
  }
}
