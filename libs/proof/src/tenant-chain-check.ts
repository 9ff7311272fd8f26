import { FormatError, fromBase64, fromHex } from '#merkle';
import type { ErasedEntry, OpenedEntry } from './bundle-format.js';
import { openLeaf, verifyGenesis } from './entry-opening.js';
import type { LedgerBody } from './ledger-body.js';
import { FIRST_TENANT_SEQ, leafTag, NO_PREVIOUS_LEAF, parseLeaf } from './ledger-leaf.js';
import type { ProofCrypto } from './proof-crypto.js';

/** What the verifier knows of the tenant from the tenant itself. */
export interface TenantPins {
  viewKey?: Uint8Array;
  /** Standard base64 of the tenant's Ed25519 root key. */
  rootPublicKey?: string;
}

/**
 * Follows one tenant's chain through the leaves of a log, in order: each of its entries must open its leaf and continue the
 * one before. With the view key it also finds entries that were left out. Keeps 8 bytes a leaf, so that a log of millions
 * is checked in little memory.
 */
export class TenantChainCheck {
  private seq = FIRST_TENANT_SEQ - 1;
  private lastLeafHash = NO_PREVIOUS_LEAF;
  private expectedTag: string | null;
  /** Of every leaf, and 0 for the tenant's own; and of the tenant's numbers from 1 on, the next one included. */
  private readonly shownTags = new TagPrefixes();
  private readonly ownTags = new TagPrefixes();

  constructor(
    private readonly crypto: ProofCrypto,
    private readonly origin: string,
    private readonly tenant: string,
    private readonly pins: TenantPins,
  ) {
    this.expectedTag = this.tagOf(FIRST_TENANT_SEQ);
  }

  /** Entries of the tenant so far. */
  get entries(): number {
    return this.seq;
  }

  /** A leaf that the bundle shows as somebody else's. @throws FormatError when it is the tenant's next entry */
  foreign(leafBytes: Uint8Array): void {
    const { origin, tag } = parseLeaf(leafBytes);
    if (origin !== this.origin) throw new FormatError(`the leaf belongs to the log ${origin}`);
    if (tag === this.expectedTag) {
      throw new FormatError(`this is the tenant's entry number ${this.seq + 1}, and the bundle leaves it out`);
    }
    if (this.pins.viewKey) this.shownTags.add(prefixOf(tag));
  }

  /** A leaf of the tenant's own. @throws FormatError saying what does not hold */
  own(leafBytes: Uint8Array, leafHash: string, entry: OpenedEntry): LedgerBody {
    this.requireNext(entry.seq);
    const opening = {
      entryId: entry.id,
      body: fromBase64(entry.body),
      salt: fromBase64(entry.salt),
      tenantSeq: entry.seq,
      prevHash: this.lastLeafHash,
    };
    const { body, leaf } = openLeaf(this.crypto, leafBytes, opening, { origin: this.origin });
    this.requireTag(leaf.tag);
    if (body.tenant !== this.tenant) throw new FormatError(`the entry belongs to ${body.tenant}`);
    if (entry.seq === FIRST_TENANT_SEQ) verifyGenesis(this.crypto, body, this.pins);
    this.forward(leafHash);
    return body;
  }

  /**
   * A leaf of the tenant's own whose body and salt are gone. Its place is held by the tag, which takes the view key, and by
   * the next entry, which names this leaf's hash. @throws FormatError saying what does not hold
   */
  erased(leafBytes: Uint8Array, leafHash: string, { seq }: ErasedEntry): void {
    this.requireNext(seq);
    const { origin, tag } = parseLeaf(leafBytes);
    if (origin !== this.origin) throw new FormatError(`the leaf belongs to the log ${origin}`);
    if (seq === FIRST_TENANT_SEQ) throw new FormatError('the first entry of a chain is never erased');
    this.requireTag(tag);
    this.forward(leafHash);
  }

  private requireTag(tag: string): void {
    if (this.expectedTag === null || tag === this.expectedTag) return;
    throw new FormatError(`the leaf's tag is not that of entry number ${this.seq + 1} under this view key`);
  }

  private requireNext(seq: number): void {
    if (seq === this.seq + 1) return;
    throw new FormatError(`entry number ${seq} follows number ${this.seq}: one is missing or twice there`);
  }

  private forward(leafHash: string): void {
    this.seq++;
    this.lastLeafHash = fromHex(leafHash);
    this.expectedTag = this.tagOf(this.seq + 1);
    if (this.pins.viewKey) this.shownTags.add(0n);
  }

  /**
   * The index of a leaf that carries a tag of this tenant and yet was shown as somebody else's, with the entry's number; or
   * null: the list 1..n is complete, and no later number is anywhere. An entry's number is at most its index plus one, which
   * receipts are held to: so it takes as many numbers as there are leaves, and no number can be skipped to hide an entry
   * behind it. Needs the view key.
   */
  leftOut(): { index: number; seq: number } | null {
    const own = this.ownTags.sorted();
    for (let index = 0; index < this.shownTags.length; index++) {
      const tag = this.shownTags.at(index);
      if (tag !== 0n && includes(own, tag)) return { index, seq: FIRST_TENANT_SEQ + this.ownTags.indexOf(tag) };
    }
    const shown = this.shownTags.sorted();
    for (let seq = this.seq + 2; seq <= this.shownTags.length; seq++) {
      const tag = prefixOf(leafTag(this.crypto, this.pins.viewKey!, this.origin, seq));
      if (includes(shown, tag)) return { index: this.shownTags.indexOf(tag), seq };
    }
    return null;
  }

  /** To be asked for each number once, in their order. */
  private tagOf(seq: number): string | null {
    if (!this.pins.viewKey) return null;
    const tag = leafTag(this.crypto, this.pins.viewKey, this.origin, seq);
    this.ownTags.add(prefixOf(tag));
    return tag;
  }
}

/** The first 64 bits of tags: as good as the whole to find one again, and the log may have millions. */
class TagPrefixes {
  private values = new BigUint64Array(1024);
  private count = 0;

  get length(): number {
    return this.count;
  }

  add(prefix: bigint): void {
    if (this.count === this.values.length) {
      const larger = new BigUint64Array(this.count * 2);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.count++] = prefix;
  }

  at(place: number): bigint {
    return this.values[place]!;
  }

  indexOf(prefix: bigint): number {
    return this.values.subarray(0, this.count).indexOf(prefix);
  }

  sorted(): BigUint64Array {
    return this.values.slice(0, this.count).sort();
  }
}

function prefixOf(tag: string): bigint {
  return BigInt(`0x${tag.slice(0, 16)}`);
}

function includes(sorted: BigUint64Array, wanted: bigint): boolean {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === wanted;
}
