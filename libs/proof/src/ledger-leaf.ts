import { concatBytes, FormatError, HASH_BYTES, toHex, uint64, utf8 } from '#merkle';
import { parseCanonical } from './canonical-parse.js';
import { ENTRY_CLASSES, type EntryClass, membersOf } from './ledger-body.js';
import type { ProofCrypto } from './proof-crypto.js';

/**
 * Ledger leaf, version 2 (docs/formats/ledger-leaf-v2.md, ADR 7): what the open log shows of an entry. It binds the body
 * without revealing it, and names its place in the tenant's chain to nobody but a holder of the tenant's view key.
 */
export interface LedgerLeaf {
  /** 1 in logs that were begun before version 2: their leaves also tell the body's class. None is made any more. */
  v: 1 | 2;
  origin: string;
  /** In version 1 alone. */
  class?: EntryClass;
  /** 64 hexadecimal digits: HMAC-SHA-256 of the place in the tenant's chain under the tenant's view key. */
  tag: string;
  /** 64 hexadecimal digits: HMAC-SHA-256 of body, place and previous leaf under the entry's salt. */
  commit: string;
}

/** The first entry of a chain has number 1 and points to no leaf at all. */
export const FIRST_TENANT_SEQ = 1;
export const NO_PREVIOUS_LEAF: Uint8Array = new Uint8Array(HASH_BYTES);
export const SALT_BYTES = 32;
export const VIEW_KEY_BYTES = 32;

export interface LeafInput {
  origin: string;
  /** 32 bytes. */
  viewKey: Uint8Array;
  /** 32 random bytes, drawn for this entry alone. */
  salt: Uint8Array;
  body: Uint8Array;
  tenantSeq: number;
  /** RFC 6962 leaf hash of the tenant's previous leaf; zeros for the first. */
  prevHash: Uint8Array;
}

/** The bytes of a leaf of version 2, which are the entry of the log. @throws FormatError */
export function encodeLeaf(crypto: ProofCrypto, input: LeafInput): Uint8Array {
  if (!input.origin.isWellFormed()) throw new FormatError('the origin has a lone surrogate');
  const tag = leafTag(crypto, input.viewKey, input.origin, input.tenantSeq);
  const commit = leafCommit(crypto, input);
  // Canonical JSON of four known members, written out: the log makes every leaf twice.
  return utf8(`{"commit":"${commit}","origin":${JSON.stringify(input.origin)},"tag":"${tag}","v":2}`);
}

/** A leaf of version 2 whose origin JSON writes as it is: canonical as it stands. All others are read as JSON. */
const PLAIN_LEAF = /^\{"commit":"([0-9a-f]{64})","origin":"([ !#-[\]-~]+)","tag":"([0-9a-f]{64})","v":2\}$/;
const PLAIN_DECODER = new TextDecoder('utf-8', { ignoreBOM: true });

const MEMBERS = { 1: ['v', 'origin', 'class', 'tag', 'commit'], 2: ['v', 'origin', 'tag', 'commit'] };

/** A leaf of either version. @throws FormatError when the bytes are not exactly those of a leaf */
export function parseLeaf(bytes: Uint8Array): LedgerLeaf {
  const plain = PLAIN_LEAF.exec(PLAIN_DECODER.decode(bytes));
  if (plain) return { v: 2, commit: plain[1]!, origin: plain[2]!, tag: plain[3]! };
  const value = parseCanonical(bytes, 'leaf');
  const version = (value as { v?: unknown } | null)?.v;
  if (version !== 1 && version !== 2) throw new FormatError('the leaf is of neither version 1 nor 2');
  const leaf = membersOf(value, 'leaf', MEMBERS[version]);
  const holds =
    typeof leaf.origin === 'string' &&
    leaf.origin !== '' &&
    (version === 2 || ENTRY_CLASSES.includes(leaf.class as EntryClass)) &&
    isHash(leaf.tag) &&
    isHash(leaf.commit);
  if (!holds) throw new FormatError(`the leaf is not as version ${version} has it`);
  return leaf as unknown as LedgerLeaf;
}

/** `HMAC-SHA-256(viewKey, "freehold/tag/v1\n" || origin || "\n" || tenantSeq as uint64 BE)`, in hexadecimal. */
export function leafTag(crypto: ProofCrypto, viewKey: Uint8Array, origin: string, tenantSeq: number): string {
  if (viewKey.length !== VIEW_KEY_BYTES) throw new FormatError('a view key is 32 bytes');
  if (tagged?.origin !== origin) tagged = { origin, prefix: utf8(`freehold/tag/v1\n${origin}\n`) };
  return toHex(crypto.hmacSha256(viewKey, concatBytes(tagged.prefix, uint64(tenantSeq))));
}

/** A process that makes or checks leaves does so for one log, mostly. */
let tagged: { origin: string; prefix: Uint8Array } | null = null;

/**
 * `HMAC-SHA-256(salt, body || tenantSeq as uint64 BE || prevHash)`, in hexadecimal. The last two have fixed lengths, so no
 * two inputs share their bytes.
 */
export function leafCommit(
  crypto: ProofCrypto,
  { salt, body, tenantSeq, prevHash }: Pick<LeafInput, 'salt' | 'body' | 'tenantSeq' | 'prevHash'>,
): string {
  if (salt.length !== SALT_BYTES) throw new FormatError('a salt is 32 bytes');
  if (prevHash.length !== HASH_BYTES) throw new FormatError('the hash of the previous leaf is 32 bytes');
  return toHex(crypto.hmacSha256(salt, concatBytes(body, uint64(tenantSeq), prevHash)));
}

/** What the genesis entry pins of a view key: `SHA-256("freehold/view-key/v1\n" || viewKey)`, in hexadecimal. */
export function viewKeyCommitment(crypto: ProofCrypto, viewKey: Uint8Array): string {
  if (viewKey.length !== VIEW_KEY_BYTES) throw new FormatError('a view key is 32 bytes');
  return toHex(crypto.sha256(concatBytes(utf8('freehold/view-key/v1\n'), viewKey)));
}

function isHash(value: unknown): boolean {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}
