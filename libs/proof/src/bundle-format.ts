import { canonicalJson, type JsonValue } from '#kernel';
import { concatBytes, FormatError, fromHex, HASH_BYTES, toBase64, toHex, utf8 } from '#merkle';
import { type AnchorRecord, parseAnchorRecord } from './anchor-record.js';
import { isNatural, membersOf, parseCanonical } from './ledger-body.js';
import type { ProofCrypto } from './proof-crypto.js';

/**
 * Bundle, version 1 (docs/formats/bundle-v1.md): the whole open log up to a checkpoint, and with it one tenant's entries,
 * as lines of canonical JSON that can be written and verified as a stream. In this order: the header, checkpoints by size,
 * anchors by size, leaves by index, the trailer.
 */

export interface BundleHeader {
  type: 'freehold-bundle';
  v: 1;
  origin: string;
  vkey: string;
  tenant: string;
  /** Leaves in the bundle: those of the last checkpoint. */
  size: number;
  /** Entries of the tenant among them. */
  entries: number;
}

export interface BundleCheckpoint {
  type: 'checkpoint';
  /** The signed note. */
  note: string;
}

export interface BundleAnchor {
  type: 'anchor';
  anchor: AnchorRecord;
}

/** An entry of the bundle's tenant, with what opens its leaf. */
export interface BundleEntry {
  id: string;
  seq: number;
  /** Base64. */
  body: string;
  /** Base64. */
  salt: string;
}

export interface BundleLeaf {
  type: 'leaf';
  index: number;
  /** The leaf's hash as the log's tile has it, 64 hexadecimal digits: tells a changed leaf from a changed tree. */
  hash: string;
  /** Base64 of the leaf's bytes. */
  leaf: string;
  /** Null for the entry of somebody else. */
  entry: BundleEntry | null;
}

export interface BundleTrailer {
  type: 'trailer';
  checkpoints: number;
  anchors: number;
  leaves: number;
  entries: number;
  /** The running digest over every line before this one. */
  digest: string;
}

export type BundleLine = BundleHeader | BundleCheckpoint | BundleAnchor | BundleLeaf | BundleTrailer;

/** No line is longer: a body of the largest size in base64, and room for the rest. */
export const MAX_LINE_BYTES = 2 << 20;

/** Over what the digest runs before the first line. */
export function firstDigest(crypto: ProofCrypto): Uint8Array {
  return crypto.sha256(utf8('freehold/bundle/v1\n'));
}

/** `SHA-256(digest || SHA-256(line))`: one-shot hashes only, so that every implementation of SHA-256 will do. */
export function nextDigest(crypto: ProofCrypto, digest: Uint8Array, line: Uint8Array): Uint8Array {
  return crypto.sha256(concatBytes(digest, crypto.sha256(line)));
}

/** Writes a bundle's lines in order, each with its newline, and counts them. */
export class BundleWriter {
  private digest: Uint8Array;
  private readonly counts = { checkpoints: 0, anchors: 0, leaves: 0, entries: 0 };

  constructor(private readonly crypto: ProofCrypto) {
    this.digest = firstDigest(crypto);
  }

  header(header: Omit<BundleHeader, 'type' | 'v'>): Uint8Array {
    return this.line({ type: 'freehold-bundle', v: 1, ...header });
  }

  checkpoint(note: string): Uint8Array {
    this.counts.checkpoints++;
    return this.line({ type: 'checkpoint', note });
  }

  anchor(anchor: AnchorRecord): Uint8Array {
    this.counts.anchors++;
    return this.line({ type: 'anchor', anchor });
  }

  leaf(
    index: number,
    hash: Uint8Array,
    leaf: Uint8Array,
    entry: { id: string; seq: number; body: Uint8Array; salt: Uint8Array } | null,
  ): Uint8Array {
    this.counts.leaves++;
    if (entry) this.counts.entries++;
    const opened = entry && { ...entry, body: toBase64(entry.body), salt: toBase64(entry.salt) };
    return this.line({ type: 'leaf', index, hash: toHex(hash), leaf: toBase64(leaf), entry: opened });
  }

  trailer(): Uint8Array {
    return this.line({ type: 'trailer', ...this.counts, digest: toHex(this.digest) });
  }

  private line(line: BundleLine): Uint8Array {
    const bytes = canonicalJson(line as unknown as JsonValue);
    this.digest = nextDigest(this.crypto, this.digest, bytes);
    return concatBytes(bytes, Uint8Array.of(0x0a));
  }
}

const MEMBERS: Record<BundleLine['type'], readonly string[]> = {
  'freehold-bundle': ['type', 'v', 'origin', 'vkey', 'tenant', 'size', 'entries'],
  checkpoint: ['type', 'note'],
  anchor: ['type', 'anchor'],
  leaf: ['type', 'index', 'hash', 'leaf', 'entry'],
  trailer: ['type', 'checkpoints', 'anchors', 'leaves', 'entries', 'digest'],
};

/** One line without its newline. @throws FormatError when it is not exactly what a BundleWriter writes */
export function parseBundleLine(bytes: Uint8Array): BundleLine {
  const value = parseCanonical(bytes, 'line');
  const type = (value as { type?: unknown } | null)?.type;
  if (typeof type !== 'string' || !Object.hasOwn(MEMBERS, type)) throw new FormatError('the line has no known type');
  const line = membersOf(value, 'line', MEMBERS[type as BundleLine['type']]);
  if (!wellFormed(line)) throw new FormatError(`the ${type} is not as version 1 has it`);
  if (type === 'anchor') parseAnchorRecord(line.anchor);
  return line as unknown as BundleLine;
}

function wellFormed(line: Record<string, unknown>): boolean {
  const texts = (...names: string[]) => names.every((name) => typeof line[name] === 'string');
  const naturals = (...names: string[]) => names.every((name) => isNatural(line[name]));
  switch (line.type) {
    case 'freehold-bundle':
      return line.v === 1 && texts('origin', 'vkey', 'tenant') && naturals('size', 'entries');
    case 'checkpoint':
      return texts('note');
    case 'leaf':
      return (
        naturals('index') && texts('hash', 'leaf') && isHash(line.hash) && (line.entry === null || isEntry(line.entry))
      );
    case 'trailer':
      return naturals('checkpoints', 'anchors', 'leaves', 'entries') && isHash(line.digest);
    default:
      return true;
  }
}

function isEntry(value: unknown): boolean {
  const entry = membersOf(value, 'entry', ['id', 'seq', 'body', 'salt']);
  return [entry.id, entry.body, entry.salt].every((text) => typeof text === 'string') && isNatural(entry.seq);
}

function isHash(value: unknown): boolean {
  return typeof value === 'string' && fromHex(value).length === HASH_BYTES;
}
