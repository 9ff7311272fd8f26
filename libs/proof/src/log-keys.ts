import { SYSTEM_TENANT_ID } from '#kernel';
import {
  ED25519,
  type Ed25519Sign,
  equalBytes,
  FormatError,
  formatNote,
  formatVkey,
  fromBase64,
  fromHex,
  type NoteKey,
  parseNote,
  parseVkey,
  signatureLine,
  TreeHasher,
  toBase64,
  toHex,
  verifyInclusion,
  verifyNote,
} from '#merkle';
import { type EntryOpening, openLeaf } from './entry-opening.js';
import { isNatural, type JsonObject, membersOf } from './ledger-body.js';
import type { ProofCrypto } from './proof-crypto.js';

/**
 * The log's keys, version 1 (docs/formats/log-key-v1.md, ADR 7). A log changes its key by an entry of the operator's own
 * chain, `log-key.rotated`: the old key endorses the new one, and where the entry stands says from which size on the new one
 * signs. So whoever pins any key of the log follows it to every later one, offline.
 */
export interface LogKeyLink {
  /** The new key. */
  vkey: string;
  /** A signed note by the key before it, over the text of `endorsementText`. */
  endorsement: string;
  /** Of the entry in the log. The new key signs checkpoints of more than `index` entries, the old one those up to it. */
  index: number;
  /** The entry itself. Binary values in base64, but `prevHash` in hexadecimal. */
  opening: { entryId: string; body: string; salt: string; tenantSeq: number; prevHash: string; leaf: string };
  /** Base64 hashes: the entry's inclusion proof in the tree of the checkpoint that the link was handed out with. */
  proof: string[];
}

/** A tree head that links lead into; nothing of it need be trusted yet. */
export interface LinkedHead {
  size: number;
  root: Uint8Array;
}

export const LOG_KEY_ROTATED = 'log-key.rotated';
export const LOG_KEY_RESOURCE = 'log-key';

const HEADER = 'freehold log-key v1';
const LINK = ['vkey', 'endorsement', 'index', 'opening', 'proof'];
const OPENING = ['entryId', 'body', 'salt', 'tenantSeq', 'prevHash', 'leaf'];
/** More rotations than a log has in its life; each costs its verifier a signature. */
const MAX_LINKS = 256;

/** What the old key signs; its first line can be no checkpoint's origin of this log. @throws FormatError */
export function endorsementText(origin: string, newVkey: string): string {
  if (origin === HEADER) throw new FormatError('this origin would let an endorsement pass for a checkpoint');
  return `${HEADER}\n${origin}\n${newVkey}\n`;
}

/** The signed note that hands the log over to another key. @throws FormatError when that is no key of the same log */
export function endorseLogKey(old: NoteKey, sign: Ed25519Sign, successor: NoteKey): string {
  if (successor.name !== old.name || successor.type !== ED25519) throw new FormatError('not a key of the same log');
  const text = endorsementText(old.name, formatVkey(successor));
  return formatNote(text, [signatureLine(old, sign, text)]);
}

/** The `before` and `after` of the rotation's entry. */
export function logKeyChange(old: NoteKey, successor: NoteKey, endorsement: string) {
  return { before: { vkey: formatVkey(old) }, after: { vkey: formatVkey(successor), endorsement } };
}

export function buildLogKeyLink(
  key: { vkey: string; endorsement: string; index: number },
  { entryId, body, salt, tenantSeq, prevHash }: EntryOpening,
  leaf: Uint8Array,
  proof: readonly Uint8Array[],
): LogKeyLink {
  return {
    vkey: key.vkey,
    endorsement: key.endorsement,
    index: key.index,
    opening: {
      entryId,
      body: toBase64(body),
      salt: toBase64(salt),
      tenantSeq,
      prevHash: toHex(prevHash),
      leaf: toBase64(leaf),
    },
    proof: proof.map(toBase64),
  };
}

/** The links of a document, of exactly this form; proves nothing. @throws FormatError */
export function parseLogKeys(value: unknown): LogKeyLink[] {
  if (!Array.isArray(value) || value.length > MAX_LINKS) {
    throw new FormatError(`the log's keys are not a list of at most ${MAX_LINKS}`);
  }
  return value.map((one) => {
    const link = membersOf(one, 'log key', LINK);
    const opening = membersOf(link.opening, 'opening of the log key', OPENING);
    const holds =
      typeof link.vkey === 'string' &&
      typeof link.endorsement === 'string' &&
      isNatural(link.index) &&
      ['entryId', 'body', 'salt', 'prevHash', 'leaf'].every((name) => typeof opening[name] === 'string') &&
      isNatural(opening.tenantSeq) &&
      Array.isArray(link.proof) &&
      link.proof.length <= 64 &&
      link.proof.every((hash) => typeof hash === 'string');
    if (!holds) throw new FormatError('a log key is not as version 1 has it');
    return link as unknown as LogKeyLink;
  });
}

/** Which key signs which sizes, as far as a verifier's pinned key leads. */
export class LogKeySchedule {
  constructor(
    /** In their order; each signs the sizes from `from` on, up to the next one's. */
    private readonly spans: readonly { key: NoteKey; from: number }[],
  ) {}

  /** All keys that lead from the pinned one: any of them may have signed a promise. */
  get keys(): NoteKey[] {
    return this.spans.map((span) => span.key);
  }

  /** The key that must have signed the checkpoint of this size. @throws FormatError when it is older than the pinned one */
  keyFor(size: number): NoteKey {
    const span = this.spans.findLast(({ from }) => from <= size);
    if (!span) throw new FormatError(`a checkpoint of ${size} entries is older than the pinned key of the log`);
    return span.key;
  }
}

/**
 * Follows the links from the pinned key, each into the tree of `head`. The head proves nothing until the checkpoint it is
 * from turns out to be signed by `keyFor(head.size)`; then everything before it holds.
 * @throws FormatError naming the link that does not hold
 */
export async function followLogKeys(
  crypto: ProofCrypto,
  pinned: string,
  links: readonly LogKeyLink[],
  head: LinkedHead,
): Promise<LogKeySchedule> {
  const first = logKey(crypto, pinned);
  // Who pins a later key has no use for what came before it; where that key begins still takes its own link.
  const own = links.findIndex((link) => link.vkey === pinned);
  const spans: { key: NoteKey; from: number }[] = [];
  if (own < 0) spans.push({ key: first, from: 0 });
  for (const [at, link] of links.entries()) {
    if (at < own) continue;
    const key = logKey(crypto, link.vkey);
    const before = spans.at(-1);
    if (key.name !== first.name) throw new FormatError(`the key ${link.vkey} is of another log`);
    if (spans.some((span) => equalBytes(span.key.publicKey, key.publicKey))) {
      throw new FormatError(`the key ${link.vkey} comes twice`);
    }
    if (before) await requireEndorsed(crypto, before.key, link);
    requireEntry(crypto, first.name, link, head);
    if (before && link.index < before.from) {
      throw new FormatError(`the entry of the key ${link.vkey} stands before that of the key it follows`);
    }
    spans.push({ key, from: link.index + 1 });
  }
  return new LogKeySchedule(spans);
}

/** The key that must have signed the head. @throws FormatError */
export async function verifyLogKeys(
  crypto: ProofCrypto,
  pinned: string,
  links: readonly LogKeyLink[],
  head: LinkedHead,
): Promise<NoteKey> {
  return (await followLogKeys(crypto, pinned, links, head)).keyFor(head.size);
}

function logKey(crypto: ProofCrypto, vkey: string): NoteKey {
  const key = parseVkey(crypto.sha256, vkey);
  if (key.type !== ED25519) throw new FormatError(`the key ${vkey} is not of a kind that a log signs with`);
  return key;
}

async function requireEndorsed(crypto: ProofCrypto, old: NoteKey, link: LogKeyLink): Promise<void> {
  if (parseNote(link.endorsement).text !== endorsementText(old.name, link.vkey)) {
    throw new FormatError(`the endorsement is not that of the key ${link.vkey}`);
  }
  try {
    await verifyNote(link.endorsement, [old], crypto.ed25519Verify);
  } catch (cause) {
    throw new FormatError(`the key ${link.vkey} is not endorsed by the key before it`, { cause });
  }
}

/** That the operator's chain says so, at this index of this tree. */
function requireEntry(crypto: ProofCrypto, origin: string, link: LogKeyLink, head: LinkedHead): void {
  const leaf = fromBase64(link.opening.leaf);
  const { body } = openLeaf(
    crypto,
    leaf,
    {
      entryId: link.opening.entryId,
      body: fromBase64(link.opening.body),
      salt: fromBase64(link.opening.salt),
      tenantSeq: link.opening.tenantSeq,
      prevHash: fromHex(link.opening.prevHash),
    },
    { origin },
  );
  const after = (body.after ?? {}) as JsonObject;
  const says =
    body.tenant === SYSTEM_TENANT_ID &&
    body.action === LOG_KEY_ROTATED &&
    body.resource.type === LOG_KEY_RESOURCE &&
    after.vkey === link.vkey &&
    after.endorsement === link.endorsement;
  if (!says) throw new FormatError(`the entry ${body.id} is not the rotation to the key ${link.vkey}`);
  const hasher = new TreeHasher(crypto.sha256);
  const { size, root } = head;
  const claim = { index: link.index, size, root, leafHash: hasher.leaf(leaf), proof: link.proof.map(fromBase64) };
  if (link.index >= size) throw new FormatError(`the key ${link.vkey} signs nothing of ${size} entries or fewer`);
  if (!verifyInclusion(hasher, claim)) {
    throw new FormatError(`the rotation to the key ${link.vkey} is not entry ${link.index} of this tree`);
  }
}
