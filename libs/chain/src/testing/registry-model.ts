import { encodeAbiParameters, keccak256, stringToHex } from 'viem';
import type { Hex } from '../registry-links.js';
import { hex, leafHash, treePath, treeRoot } from './naive-tree.js';

/**
 * AnchorRegistry once more, as a table of rules over plain values: the oracle of its random tests. Heads are recomputed from
 * the words of EIP-712 and shared with nothing of the client; trees are known by their leaves and not by their roots.
 */

/** A history of the log: leaves up to `forkedAt` are those of the honest one. */
export interface Tree {
  size: number;
  /** Where it parts from the honest history; its size or more when it does not. */
  forkedAt: number;
}

export interface ModelLog {
  size: number;
  tree: Tree | null;
  head: Hex;
  links: number;
  epoch: number;
  threshold: number;
  /** By the number of the key: the last epoch that named it. */
  enrolled: Map<number, number>;
  disabled: Set<number>;
  /** What was anchored for each size. */
  anchors: Map<number, Tree>;
}

export interface ModelHead {
  tree: Tree;
  epoch: number;
  prev: Hex;
}

const ANCHOR = 'Anchor(bytes32 logId,uint32 epoch,uint64 size,bytes32 root,bytes32 prev)';
const SIGNER_SET = 'SignerSet(bytes32 logId,uint32 epoch,uint8 threshold,address[] signers,bytes32 prev)';
const typeHash = (type: string) => keccak256(stringToHex(type));
const words = (...values: [type: string, value: unknown][]): Hex =>
  keccak256(
    encodeAbiParameters(
      values.map(([type]) => ({ type })) as [{ type: string }],
      values.map(([, v]) => v) as [unknown],
    ),
  );

export function leavesOf({ size, forkedAt }: Tree): Buffer[] {
  return Array.from({ length: size }, (_, at) =>
    Buffer.from(at < forkedAt ? `leaf ${at}` : `fork ${forkedAt} leaf ${at}`),
  );
}

export const rootOf = (tree: Tree): Hex => hex(treeRoot(leavesOf(tree)));

export function inclusionOf(tree: Tree, index: number): { leaf: Hex; path: Hex[] } {
  const leaves = leavesOf(tree);
  return { leaf: hex(leafHash(leaves[index]!)), path: treePath(index, leaves).map(hex) };
}

const sameTree = (a: Tree, b: Tree) =>
  a.size === b.size && leavesOf(a).every((leaf, at) => leaf.equals(leavesOf(b)[at]!));

/** What a claimed signature is good for: by which key it was made, over what is claimed or over something else. */
export interface ModelSignature {
  key: number;
  /** Made over something else than what is claimed. */
  forged: boolean;
}

export class RegistryModel {
  readonly logs = new Map<Hex, ModelLog>();

  /** @param addresses of the keys, by number */
  constructor(private readonly addresses: readonly Hex[]) {}

  create(logId: Hex, threshold: number, signers: readonly number[], signatures: readonly ModelSignature[]): boolean {
    if (this.logs.has(logId) || !isSane(threshold, signers)) return false;
    const enrolled = new Map(signers.map((key) => [key, 1]));
    if (!isQuorum(signatures, threshold, (key) => enrolled.has(key))) return false;
    this.logs.set(logId, {
      ...{ size: 0, tree: null, links: 1, epoch: 1, threshold, enrolled },
      ...{ disabled: new Set<number>(), anchors: new Map<number, Tree>() },
      head: this.setHead(logId, 1, threshold, signers, ZERO),
    });
    return true;
  }

  changeSigners(
    logId: Hex,
    set: { threshold: number; signers: readonly number[]; prev: Hex },
    by: readonly ModelSignature[],
  ) {
    const log = this.logs.get(logId);
    if (!log || set.prev !== log.head || !this.hasQuorum(log, by)) return false;
    if (!isSane(set.threshold, set.signers) || set.signers.some((key) => log.disabled.has(key))) return false;
    log.epoch += 1;
    for (const key of set.signers) log.enrolled.set(key, log.epoch);
    log.threshold = set.threshold;
    log.links += 1;
    log.head = this.setHead(logId, log.epoch, set.threshold, set.signers, set.prev);
    return true;
  }

  anchor(logId: Hex, { tree, epoch, prev }: ModelHead, by: readonly ModelSignature[]): boolean {
    const log = this.logs.get(logId);
    if (!log || epoch !== log.epoch || tree.size <= log.size || prev !== log.head || !this.hasQuorum(log, by))
      return false;
    log.size = tree.size;
    log.tree = tree;
    log.links += 1;
    log.anchors.set(tree.size, tree);
    log.head = words(
      ['bytes32', typeHash(ANCHOR)],
      ['bytes32', logId],
      ['uint32', epoch],
      ['uint64', BigInt(tree.size)],
      ['bytes32', rootOf(tree)],
      ['bytes32', prev],
    );
    return true;
  }

  equivocation(logId: Hex, [a, b]: readonly [Tree, Tree], by: readonly [ModelSignature, ModelSignature]): boolean {
    const lied = a.size === b.size && !sameTree(a, b) && by.every(({ forged }) => !forged) && by[0].key === by[1].key;
    return lied && this.disable(logId, by[0].key);
  }

  late(logId: Hex, promise: { size: number; overdue: boolean }, by: ModelSignature): boolean {
    const log = this.logs.get(logId);
    return log !== undefined && !by.forged && promise.overdue && log.size < promise.size && this.disable(logId, by.key);
  }

  /** `shown` is the tree that is claimed to be anchored, with leaves at `index` in both. */
  fork(logId: Hex, signed: Tree, shown: Tree, index: number, by: ModelSignature): boolean {
    const anchored = this.logs.get(logId)?.anchors.get(shown.size);
    if (!anchored || by.forged) return false;
    if (signed.size === shown.size) return !sameTree(signed, anchored) && this.disable(logId, by.key);
    if (!sameTree(shown, anchored)) return false;
    const differ = !leavesOf(signed)[index]!.equals(leavesOf(shown)[index]!);
    return differ && this.disable(logId, by.key);
  }

  isSigner(logId: Hex, key: number): boolean {
    const log = this.logs.get(logId);
    return log !== undefined && log.enrolled.get(key) === log.epoch && !log.disabled.has(key);
  }

  isFrozen(logId: Hex): boolean {
    const { threshold } = this.logs.get(logId)!;
    return this.addresses.filter((_address, key) => this.isSigner(logId, key)).length < threshold;
  }

  private hasQuorum(log: ModelLog, by: readonly ModelSignature[]): boolean {
    return isQuorum(by, log.threshold, (key) => log.enrolled.get(key) === log.epoch && !log.disabled.has(key));
  }

  private disable(logId: Hex, key: number): boolean {
    const log = this.logs.get(logId);
    if (!log?.enrolled.has(key) || log.disabled.has(key)) return false;
    log.disabled.add(key);
    return true;
  }

  private setHead(logId: Hex, epoch: number, threshold: number, signers: readonly number[], prev: Hex): Hex {
    const members = signers.map((key) => this.addresses[key]!.slice(2).toLowerCase().padStart(64, '0')).join('');
    return words(
      ['bytes32', typeHash(SIGNER_SET)],
      ['bytes32', logId],
      ['uint32', epoch],
      ['uint8', threshold],
      ['bytes32', keccak256(`0x${members}`)],
      ['bytes32', prev],
    );
  }
}

const ZERO: Hex = `0x${'00'.repeat(32)}`;

/** Keys are numbered in the order of their addresses, so ascending numbers are ascending addresses. */
const areAscending = (keys: readonly number[]) => keys.every((key, at) => at === 0 || key > keys[at - 1]!);

function isSane(threshold: number, signers: readonly number[]): boolean {
  return signers.length > 0 && areAscending(signers) && threshold >= 1 && threshold <= signers.length;
}

/** Every signature that is brought must be good, and there must be enough of them. */
function isQuorum(by: readonly ModelSignature[], threshold: number, counts: (key: number) => boolean): boolean {
  const good = by.every(({ key, forged }) => !forged && counts(key));
  return by.length >= threshold && good && areAscending(by.map(({ key }) => key));
}
