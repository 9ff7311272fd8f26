import { canonicalJson, type JsonValue } from '#kernel';
import { concatBytes, toBase64, toHex, utf8 } from '#merkle';
import type { AnchorProof } from './anchor-proof.js';
import type { AnchorRecord } from './anchor-record.js';
import type { StoredEvidence } from './entry-evidence.js';
import type { LogKeyLink } from './log-keys.js';
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

/** Over what the digest runs before the first line. */
export function firstDigest(crypto: ProofCrypto, version: BundleVersion): Uint8Array {
  return crypto.sha256(utf8(`freehold/bundle/v${version}\n`));
}

/** `SHA-256(digest || SHA-256(line))`: one-shot hashes only, so that every implementation of SHA-256 will do. */
export function nextDigest({ sha256 }: Pick<ProofCrypto, 'sha256'>, digest: Uint8Array, line: Uint8Array): Uint8Array {
  return sha256(concatBytes(digest, sha256(line)));
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
