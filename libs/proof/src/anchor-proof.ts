import { verifyMerkleProof } from '@ethereumjs/mpt';
import { RLP } from '@ethereumjs/rlp';
import { equalBytes, FormatError, fromHex } from '#merkle';
import { type BlockHeader, decodeList, hasHash, parseBlockHeader } from './block-header.js';
import { anchorLogId, fromPrefixedHex, keccak256, toPrefixedHex, word } from './evm-primitives.js';
import { isNatural, membersOf } from './ledger-body.js';
import { quorumOf, type ValidatorSet } from './validator-set.js';

/**
 * Anchor proof, version 1 (docs/formats/anchor-proof-v1.md): that AnchorRegistry holds a root for a size in the state of one
 * block. With that block's hash, or the validators that seal its chain, pinned by the verifier, no node need be asked.
 */
export interface AnchorProof {
  v: 1;
  chainId: number;
  /** Address of AnchorRegistry: `0x` and 40 lower-case digits. */
  contract: string;
  /** `0x` and 64 digits. */
  logId: string;
  /** Entries of the anchored head. */
  size: number;
  /** Its root, 64 hexadecimal digits. */
  root: string;
  blockNumber: number;
  /** `0x` and 64 digits. */
  blockHash: string;
  /** The block's header as RLP, `0x` and lower-case digits, as all that follows. */
  header: string;
  /** Nodes of the state trie, from its root to the contract's account (EIP-1186). */
  accountProof: string[];
  /** Nodes of the contract's storage trie, from its root to the slot. */
  storageProof: string[];
}

/** What the verifier knows of the chain by itself. Without either, a proof only agrees with itself. */
export interface VerifyAnchorProofOptions {
  /** The hash of the proof's block as the verifier has it, `0x` and 64 digits. */
  blockHash?: string;
  /** Of a QBFT chain: who seals its blocks. */
  validators?: ValidatorSet;
  /** The log that it must be of. */
  origin?: string;
}

/** What was checked. What is in `pinned` came from the verifier, so that the proof is good against the operator. */
export interface AnchorProofReport {
  pinned: ('block' | 'validators')[];
  /** Whether the contract's code is one of AnchorRegistry's, whose rules are known. */
  knownCode: boolean;
  /** For a reader. */
  detail: string;
}

const MEMBERS = [
  'v',
  'chainId',
  'contract',
  'logId',
  'size',
  'root',
  'blockNumber',
  'blockHash',
  'header',
  'accountProof',
  'storageProof',
] as const;
/** Where the mapping `_roots` is in the contract's storage; the compiler's output is held against it by a test. */
const ROOTS_SLOT = 2;
/** Keccak-256 of the code that AnchorRegistry has on a chain, of every version there was, the newest last. */
export const REGISTRY_CODE_HASHES: readonly string[] = [
  '0xabcbffe3d98f5351c3ac25fbe0d9ddad4353d8b6a74949e55e74446d548cb1bb',
  '0x6864e5cd2c8ad6be0ade3e87d33244ce49f9df71cbd86ef15cf3c0f4c6b4aec4',
];
const MAX_NODES = 64;
/** A branch with 16 hashes and a value is about 600 bytes. */
const MAX_NODE_BYTES = 4096;

/** @throws FormatError when a member is missing, surplus or malformed; says nothing of whether the proof holds */
export function parseAnchorProof(value: unknown): AnchorProof {
  const proof = membersOf(value, 'anchor proof', MEMBERS);
  const rules: [string, boolean][] = [
    ['v', proof.v === 1],
    ['chainId', isNatural(proof.chainId) && proof.chainId > 0],
    ['contract', matches(proof.contract, /^0x[0-9a-f]{40}$/)],
    ['logId', matches(proof.logId, /^0x[0-9a-f]{64}$/)],
    ['size', isNatural(proof.size) && proof.size > 0],
    ['root', matches(proof.root, /^[0-9a-f]{64}$/)],
    ['blockNumber', isNatural(proof.blockNumber)],
    ['blockHash', matches(proof.blockHash, /^0x[0-9a-f]{64}$/)],
    ['header', matches(proof.header, /^0x(?:[0-9a-f]{2}){1,65536}$/)],
    ['accountProof', isNodes(proof.accountProof)],
    ['storageProof', isNodes(proof.storageProof)],
  ];
  const broken = rules.find(([, holds]) => !holds);
  if (broken) throw new FormatError(`the anchor proof's ${broken[0]} is not as version 1 has it`);
  return proof as unknown as AnchorProof;
}

/** The slot in which AnchorRegistry keeps the root of this size: `_roots[logId][size]`. */
export function rootSlot(logId: string, size: number): string {
  const ofLog = keccak256(fromPrefixedHex(logId), word(ROOTS_SLOT));
  return toPrefixedHex(keccak256(word(size), ofLog));
}

/** @throws FormatError, saying what does not hold */
export async function verifyAnchorProof(
  value: unknown,
  { blockHash, validators, origin }: VerifyAnchorProofOptions = {},
): Promise<AnchorProofReport> {
  const proof = parseAnchorProof(value);
  if (origin !== undefined && anchorLogId(origin) !== proof.logId) {
    throw new FormatError('the anchor proof is of another log');
  }
  const header = parseBlockHeader(fromPrefixedHex(proof.header));
  if (header.number !== proof.blockNumber || !hasHash(header, fromPrefixedHex(proof.blockHash))) {
    throw new FormatError('the header is not that of the block that the anchor proof names');
  }
  const codeHash = await checkState(proof, header);
  const pinned: AnchorProofReport['pinned'] = [];
  if (blockHash !== undefined) {
    if (blockHash.toLowerCase() !== proof.blockHash) {
      throw new FormatError(`the anchor proof is of block ${proof.blockHash}, and ${blockHash} is expected`);
    }
    pinned.push('block');
  }
  if (validators) {
    checkSeals(proof, header, validators);
    pinned.push('validators');
  }
  const knownCode = REGISTRY_CODE_HASHES.includes(codeHash);
  return { pinned, knownCode, detail: describe(proof, pinned, knownCode) };
}

/** That the state under the header's root has the root of the log in the contract's slot. Returns the contract's code hash. */
async function checkState(proof: AnchorProof, { stateRoot }: BlockHeader): Promise<string> {
  const account = await valueAt(stateRoot, keccak256(fromPrefixedHex(proof.contract)), proof.accountProof);
  if (!account) throw new FormatError('there is no such contract in the state of that block');
  const [, , storageRoot, codeHash] = decodeList(account, 'the account');
  if (!isWord(storageRoot) || !isWord(codeHash)) throw new FormatError('the account is malformed');
  const slot = fromPrefixedHex(rootSlot(proof.logId, proof.size));
  const stored = await valueAt(storageRoot, keccak256(slot), proof.storageProof);
  if (!stored) throw new FormatError(`the contract holds no root for ${proof.size} entries in that block`);
  if (!equalBytes(stored, RLP.encode(withoutLeadingZeros(fromHex(proof.root))))) {
    throw new FormatError(`the contract holds another root for ${proof.size} entries in that block`);
  }
  return toPrefixedHex(codeHash);
}

/** The value that a trie has for a key, or null when it has none. @throws FormatError when the nodes do not show either */
async function valueAt(root: Uint8Array, key: Uint8Array, nodes: readonly string[]): Promise<Uint8Array | null> {
  try {
    return await verifyMerkleProof(key, nodes.map(fromPrefixedHex), { root });
  } catch (cause) {
    throw new FormatError("the nodes do not lead from the block's state to what they are to prove", { cause });
  }
}

function checkSeals({ chainId }: AnchorProof, { qbft }: BlockHeader, set: ValidatorSet): void {
  if (set.chainId !== chainId) {
    throw new FormatError(`the anchor proof is of chain ${chainId}, and the validators are those of ${set.chainId}`);
  }
  if (!qbft) throw new FormatError('the block is not sealed as QBFT seals blocks');
  const known = set.validators.filter((validator) => qbft.sealers.includes(validator)).length;
  const required = quorumOf(set);
  if (known < required) {
    throw new FormatError(`${known} of the expected validators sealed the block, and ${required} are needed`);
  }
}

function describe(proof: AnchorProof, pinned: AnchorProofReport['pinned'], knownCode: boolean): string {
  const where = `block ${proof.blockNumber} (${proof.blockHash}) of chain ${proof.chainId}`;
  const what = `contract ${proof.contract} holds the root of ${proof.size} entries in the state of ${where}`;
  const code = knownCode ? '' : '; its code is none that this verifier knows';
  const names = { block: "that block's hash is the expected one", validators: 'the expected validators sealed it' };
  const trust =
    pinned.length > 0
      ? pinned.map((pin) => names[pin]).join(' and ')
      : 'neither the block nor its validators were given to compare with, so ask that chain for the block';
  return `${what}; ${trust}${code}`;
}

function withoutLeadingZeros(bytes: Uint8Array): Uint8Array {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? new Uint8Array(0) : bytes.subarray(first);
}

function isWord(item: unknown): item is Uint8Array {
  return item instanceof Uint8Array && item.length === 32;
}

function isNodes(value: unknown): boolean {
  const isNode = (node: unknown) =>
    matches(node, /^0x(?:[0-9a-f]{2})+$/) && (node as string).length <= 2 * MAX_NODE_BYTES;
  return Array.isArray(value) && value.length > 0 && value.length <= MAX_NODES && value.every(isNode);
}

function matches(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value);
}
