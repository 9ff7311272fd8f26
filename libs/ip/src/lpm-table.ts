/**
 * Longest-prefix match: a path-compressed binary trie (Morrison's PATRICIA) for each IP version, with no connection
 * between the two. Every stored block is a node; a node without an entry is a fork and has two children, but for the root.
 * Keys are 32-bit words, because comparing them with `clz32` is many times faster than shifting bigints.
 */
import { type Address, addressBits, type IpVersion } from './address.js';
import type { Cidr } from './cidr.js';

export interface LpmEntry<V> {
  readonly cidr: Cidr;
  readonly value: V;
}

/** The bits of an address from its first, in words of 32: one for IPv4, four for IPv6. */
type Key = readonly number[];

interface TrieNode<V> {
  readonly key: Key;
  readonly length: number;
  entry: LpmEntry<V> | null;
  readonly children: [TrieNode<V> | null, TrieNode<V> | null];
}

export class LpmTable<V> {
  private readonly roots: Record<IpVersion, TrieNode<V>> = {
    4: newNode<V>([0], 0),
    6: newNode<V>([0, 0, 0, 0], 0),
  };
  private count = 0;

  /** A table of these entries; of two with the same block the later one stays. */
  static from<V>(entries: Iterable<readonly [Cidr, V]>): LpmTable<V> {
    const table = new LpmTable<V>();
    for (const [cidr, value] of entries) table.insert(cidr, value);
    return table;
  }

  /** How many blocks the table holds, of both versions. */
  get size(): number {
    return this.count;
  }

  /** Stores the value under the block, in place of what was there. Returns whether the block is new. */
  insert(cidr: Cidr, value: V): boolean {
    const key = keyOf(cidr.version, cidr.first);
    const node = this.reach(cidr, key);
    const isNew = node.entry === null;
    node.entry = { cidr, value };
    if (isNew) this.count += 1;
    return isNew;
  }

  /** Takes exactly this block out; blocks inside it stay. Returns whether it was there. */
  remove(cidr: Cidr): boolean {
    const path = this.walk(cidr.version, keyOf(cidr.version, cidr.first), cidr.prefixLength);
    const node = path.at(-1);
    if (!node?.entry || node.length !== cidr.prefixLength) return false;
    node.entry = null;
    this.count -= 1;
    contract(path);
    return true;
  }

  /** The value stored under exactly this block. */
  get(cidr: Cidr): V | undefined {
    const node = this.walk(cidr.version, keyOf(cidr.version, cidr.first), cidr.prefixLength).at(-1);
    return node?.length === cidr.prefixLength ? node.entry?.value : undefined;
  }

  /** The entry with the longest prefix that holds the address, or null. */
  lookup(address: Address): LpmEntry<V> | null {
    const bits = addressBits(address.version);
    const key = keyOf(address.version, address.value);
    let best: LpmEntry<V> | null = null;
    let node: TrieNode<V> | null = this.roots[address.version];
    while (node && commonLength(node.key, key, node.length) === node.length) {
      if (node.entry) best = node.entry;
      if (node.length === bits) break;
      node = node.children[bitAt(key, node.length)];
    }
    return best;
  }

  /** Every entry that holds the address, the longest prefix first. */
  matches(address: Address): LpmEntry<V>[] {
    const path = this.walk(address.version, keyOf(address.version, address.value), addressBits(address.version));
    return path.flatMap((node) => node.entry ?? []).reverse();
  }

  /** All entries in the order of `compareCidrs`. */
  *entries(): Generator<LpmEntry<V>, void, undefined> {
    for (const version of [4, 6] as const) {
      const waiting: TrieNode<V>[] = [this.roots[version]];
      for (let node = waiting.pop(); node; node = waiting.pop()) {
        if (node.entry) yield node.entry;
        for (const child of [node.children[1], node.children[0]]) if (child) waiting.push(child);
      }
    }
  }

  /** The nodes from the root whose prefixes start the key and are no longer than `length` bits. */
  private walk(version: IpVersion, key: Key, length: number): TrieNode<V>[] {
    const path: TrieNode<V>[] = [];
    let node: TrieNode<V> | null = this.roots[version];
    while (node && node.length <= length && commonLength(node.key, key, node.length) === node.length) {
      path.push(node);
      if (node.length === length) break;
      node = node.children[bitAt(key, node.length)];
    }
    return path;
  }

  /** The node of exactly this block, made where it is missing. */
  private reach(cidr: Cidr, key: Key): TrieNode<V> {
    const parent = this.walk(cidr.version, key, cidr.prefixLength).at(-1)!;
    if (parent.length === cidr.prefixLength) return parent;
    const side = bitAt(key, parent.length);
    const below = parent.children[side];
    const node = newNode<V>(key, cidr.prefixLength);
    if (!below) {
      parent.children[side] = node;
      return node;
    }
    const shared = commonLength(below.key, key, Math.min(below.length, cidr.prefixLength));
    if (shared === cidr.prefixLength) {
      node.children[bitAt(below.key, shared)] = below;
      parent.children[side] = node;
      return node;
    }
    const fork = newNode<V>(key, shared);
    fork.children[bitAt(below.key, shared)] = below;
    fork.children[bitAt(key, shared)] = node;
    parent.children[side] = fork;
    return node;
  }
}

/** Removes the emptied last node of the path, and the fork above it that is none any more. The root always stays. */
function contract<V>(path: TrieNode<V>[]): void {
  for (let depth = path.length - 1; depth > 0; depth -= 1) {
    const node = path[depth]!;
    const [zero, one] = node.children;
    if (node.entry || (zero && one)) return;
    const parent = path[depth - 1]!;
    parent.children[bitAt(node.key, parent.length)] = zero ?? one;
  }
}

function newNode<V>(key: Key, length: number): TrieNode<V> {
  return { key, length, entry: null, children: [null, null] };
}

function keyOf(version: IpVersion, value: bigint): Key {
  if (version === 4) return [Number(value)];
  const high = value >> 64n;
  return [Number(high >> 32n), Number(high & WORD), Number((value >> 32n) & WORD), Number(value & WORD)];
}

const WORD = 0xffff_ffffn;

/** The bit at `index`, counted from the first. */
function bitAt(key: Key, index: number): 0 | 1 {
  return ((key[index >>> 5]! >>> (31 - (index & 31))) & 1) as 0 | 1;
}

/** How many leading bits two keys share, at most `limit`. */
function commonLength(a: Key, b: Key, limit: number): number {
  for (let index = 0; index * 32 < limit; index += 1) {
    const difference = a[index]! ^ b[index]!;
    if (difference !== 0) return Math.min(limit, index * 32 + Math.clz32(difference));
  }
  return limit;
}
