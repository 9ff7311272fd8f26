import { canonicalJson, type JsonValue } from '#kernel';
import { concatBytes, FormatError, fromHex, HASH_BYTES, toBase64, toHex, utf8 } from '#merkle';
import { type AnchorProof, parseAnchorProof } from './anchor-proof.js';
import { type AnchorRecord, parseAnchorRecord } from './anchor-record.js';
import { parseStoredEvidence, type StoredEvidence } from './entry-evidence.js';
import { isNatural, membersOf, parseCanonical } from './ledger-body.js';
import { type LogKeyLink, parseLogKeys } from './log-keys.js';
import type { ProofCrypto } from './proof-crypto.js';

/**
 * Bundle (docs/formats/bundle-v2.md): the whole open log up to a checkpoint, and with it one tenant's entries, as lines of
 * canonical JSON that can be written and verified as a stream. In this order: the header, checkpoints by size, anchors by
 * size, leaves by index, the trailer. Version 1 has no keys, no evidence, no proofs of anchors and no erased entries.
 */
export type BundleVersion = 1 | 2;

export interface BundleHeader {
  type: 'freehold-bundle';
  v: BundleVersion;
  origin: string;
  /** The log's first key. */
  vkey: string;
  /** The keys that followed, in their order. */
  keys: LogKeyLink[];
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
  proof: AnchorProof | null;
}

/** An entry of the bundle's tenant, with what opens its leaf. */
export interface OpenedEntry {
  id: string;
  seq: number;
  /** Base64. */
  body: string;
  /** Base64. */
  salt: string;
  /** The signed request; null when nobody signed, or when it was erased. */
  evidence: StoredEvidence | null;
}

/** An entry whose body and salt are gone: its place, its tag and its link to the one before can still be checked. */
export interface ErasedEntry {
  id: string;
  seq: number;
  erased: true;
}

export type BundleEntry = OpenedEntry | ErasedEntry;

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
export function firstDigest(crypto: ProofCrypto, version: BundleVersion): Uint8Array {
  return crypto.sha256(utf8(`freehold/bundle/v${version}\n`));
}

/** `SHA-256(digest || SHA-256(line))`: one-shot hashes only, so that every implementation of SHA-256 will do. */
export function nextDigest(crypto: ProofCrypto, digest: Uint8Array, line: Uint8Array): Uint8Array {
  return crypto.sha256(concatBytes(digest, crypto.sha256(line)));
}

/** What a leaf line has of an entry of the tenant's own: what opens it, or nothing where that was erased. */
export type WrittenEntry = { id: string; seq: number } & (
  | { body: Uint8Array; salt: Uint8Array; evidence: StoredEvidence | null }
  | { body: null }
);

/** Writes the lines of a bundle of version 2 in order, each with its newline, and counts them. */
export class BundleWriter {
  private digest: Uint8Array;
  private readonly counts = { checkpoints: 0, anchors: 0, leaves: 0, entries: 0 };

  constructor(private readonly crypto: ProofCrypto) {
    this.digest = firstDigest(crypto, 2);
  }

  header(header: Omit<BundleHeader, 'type' | 'v'>): Uint8Array {
    return this.line({ type: 'freehold-bundle', v: 2, ...header });
  }

  checkpoint(note: string): Uint8Array {
    this.counts.checkpoints++;
    return this.line({ type: 'checkpoint', note });
  }

  anchor(anchor: AnchorRecord, proof: AnchorProof | null): Uint8Array {
    this.counts.anchors++;
    return this.line({ type: 'anchor', anchor, proof });
  }

  leaf(index: number, hash: Uint8Array, leaf: Uint8Array, entry: WrittenEntry | null): Uint8Array {
    this.counts.leaves++;
    if (entry) this.counts.entries++;
    return this.line({ type: 'leaf', index, hash: toHex(hash), leaf: toBase64(leaf), entry: entry && written(entry) });
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

function written(entry: WrittenEntry): BundleEntry {
  const { id, seq } = entry;
  if (entry.body === null) return { id, seq, erased: true };
  return { id, seq, body: toBase64(entry.body), salt: toBase64(entry.salt), evidence: entry.evidence };
}

const MEMBERS: Record<BundleLine['type'], readonly string[]> = {
  'freehold-bundle': ['type', 'v', 'origin', 'vkey', 'tenant', 'size', 'entries', 'keys'],
  checkpoint: ['type', 'note'],
  anchor: ['type', 'anchor', 'proof'],
  leaf: ['type', 'index', 'hash', 'leaf', 'entry'],
  trailer: ['type', 'checkpoints', 'anchors', 'leaves', 'entries', 'digest'],
};
const LATER_THAN_V1 = ['keys', 'proof'];

/**
 * One line without its newline; `version` is what the header said, and null for the header.
 * @throws FormatError when it is not exactly what a writer of that version writes
 */
export function parseBundleLine(bytes: Uint8Array, version: BundleVersion | null): BundleLine {
  const value = parseCanonical(bytes, 'line');
  const { type, v } = (value ?? {}) as { type?: unknown; v?: unknown };
  if (typeof type !== 'string' || !Object.hasOwn(MEMBERS, type)) throw new FormatError('the line has no known type');
  const written = version ?? v;
  if (written !== 1 && written !== 2) throw new FormatError('not a bundle of version 1 or 2');
  const all = MEMBERS[type as BundleLine['type']];
  const members = written === 2 ? all : all.filter((name) => !LATER_THAN_V1.includes(name));
  const line = membersOf(value, 'line', members);
  if (!wellFormed(line, written)) throw new FormatError(`the ${type} is not as version ${written} has it`);
  if (written === 1) return completed(line);
  return line as unknown as BundleLine;
}

function wellFormed(line: Record<string, unknown>, version: BundleVersion): boolean {
  const texts = (...names: string[]) => names.every((name) => typeof line[name] === 'string');
  const naturals = (...names: string[]) => names.every((name) => isNatural(line[name]));
  switch (line.type) {
    case 'freehold-bundle':
      if (version === 2) parseLogKeys(line.keys);
      return line.v === version && texts('origin', 'vkey', 'tenant') && naturals('size', 'entries');
    case 'checkpoint':
      return texts('note');
    case 'anchor':
      parseAnchorRecord(line.anchor);
      if (version === 2 && line.proof !== null) parseAnchorProof(line.proof);
      return true;
    case 'leaf':
      return (
        naturals('index') &&
        texts('hash', 'leaf') &&
        isHash(line.hash) &&
        (line.entry === null || isEntry(line.entry, version))
      );
    case 'trailer':
      return naturals('checkpoints', 'anchors', 'leaves', 'entries') && isHash(line.digest);
    default:
      return false;
  }
}

function isEntry(value: unknown, version: BundleVersion): boolean {
  if (version === 2 && Object.hasOwn(Object(value), 'erased')) {
    const { id, seq, erased } = membersOf(value, 'entry', ['id', 'seq', 'erased']);
    return typeof id === 'string' && isNatural(seq) && erased === true;
  }
  const entry = membersOf(value, 'entry', [...OPENED, ...(version === 2 ? ['evidence'] : [])]);
  if (version === 2) parseStoredEvidence(entry.evidence);
  return [entry.id, entry.body, entry.salt].every((text) => typeof text === 'string') && isNatural(entry.seq);
}

const OPENED = ['id', 'seq', 'body', 'salt'];

/** A line of version 1 with what version 2 would say in its place. */
function completed(line: Record<string, unknown>): BundleLine {
  if (line.type === 'freehold-bundle') return { ...line, keys: [] } as unknown as BundleLine;
  if (line.type === 'anchor') return { ...line, proof: null } as unknown as BundleLine;
  if (line.type === 'leaf' && line.entry) {
    return { ...line, entry: { ...(line.entry as object), evidence: null } } as unknown as BundleLine;
  }
  return line as unknown as BundleLine;
}

function isHash(value: unknown): boolean {
  return typeof value === 'string' && fromHex(value).length === HASH_BYTES;
}
