import { FormatError, fromHex, utf8 } from '#merkle';
import { anchorLogId, fromPrefixedHex, keccak256, recoverAddress, toPrefixedHex, word } from './evm-primitives.js';
import { isNatural, membersOf } from './ledger-body.js';

/**
 * Anchor promise, version 1 (docs/formats/anchor-promise-v1.md): a registry signer's word that a head which contains this
 * one will be anchored by the deadline. AnchorRegistry disables a signer whose promise was not kept.
 */
export interface AnchorPromise {
  /** Where it will be anchored (EIP-155). */
  chainId: number;
  /** Address of AnchorRegistry: `0x` and 40 lower-case digits. */
  contract: string;
  /** The log's name in the contract: `0x` and 64 digits, SHA-256 of its origin. */
  logId: string;
  /** Entries of the promised head. */
  size: number;
  /** Its root, 64 hexadecimal digits. */
  root: string;
  /** Unix seconds. */
  deadline: number;
  /** Address of the signer: `0x` and 40 lower-case digits. */
  signer: string;
  /** r, s and v (27 or 28): `0x` and 130 digits. */
  signature: string;
}

/** What is signed: everything but who signed it. */
export type AnchorPromiseTerms = Omit<AnchorPromise, 'signer' | 'signature'>;

const MEMBERS = ['chainId', 'contract', 'logId', 'size', 'root', 'deadline', 'signer', 'signature'] as const;
/** The end of the year 9999: beyond it nobody promises anything. */
const LATEST_DEADLINE = 253_402_300_799;
const DOMAIN_TYPE = 'EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)';
const PROMISE_TYPE = 'AnchorPromise(bytes32 logId,uint64 size,bytes32 root,uint64 deadline)';

/** @throws FormatError when a member is missing, surplus or malformed; says nothing of whether it was signed */
export function parseAnchorPromise(value: unknown): AnchorPromise {
  const promise = membersOf(value, 'anchor promise', MEMBERS);
  const rules: [string, boolean][] = [
    ['chainId', isNatural(promise.chainId) && promise.chainId > 0],
    ['contract', matches(promise.contract, /^0x[0-9a-f]{40}$/)],
    ['logId', matches(promise.logId, /^0x[0-9a-f]{64}$/)],
    ['size', isNatural(promise.size) && promise.size > 0],
    ['root', matches(promise.root, /^[0-9a-f]{64}$/)],
    ['deadline', isNatural(promise.deadline) && promise.deadline <= LATEST_DEADLINE],
    ['signer', matches(promise.signer, /^0x[0-9a-f]{40}$/)],
    ['signature', matches(promise.signature, /^0x[0-9a-f]{130}$/)],
  ];
  const broken = rules.find(([, holds]) => !holds);
  if (broken) throw new FormatError(`the anchor promise's ${broken[0]} is not as version 1 has it`);
  return promise as unknown as AnchorPromise;
}

/** The EIP-712 digest that a registry signer signs. */
export function anchorPromiseDigest({
  chainId,
  contract,
  logId,
  size,
  root,
  deadline,
}: AnchorPromiseTerms): Uint8Array {
  const domain = keccak256(
    keccak256(utf8(DOMAIN_TYPE)),
    keccak256(utf8('Freehold AnchorRegistry')),
    keccak256(utf8('1')),
    word(chainId),
    word(BigInt(contract)),
  );
  const terms = keccak256(
    keccak256(utf8(PROMISE_TYPE)),
    fromPrefixedHex(logId),
    word(size),
    fromHex(root),
    word(deadline),
  );
  return keccak256(Uint8Array.of(0x19, 0x01), domain, terms);
}

/** What the verifier knows; each that is given must hold. */
export interface VerifyAnchorPromiseOptions {
  /** The log that it must be of. */
  origin?: string;
  /** The addresses that may sign for it, in any case. */
  signers?: readonly string[];
}

/** The promise, when its signer signed it. @throws FormatError */
export function verifyAnchorPromise(value: unknown, options: VerifyAnchorPromiseOptions = {}): AnchorPromise {
  const promise = parseAnchorPromise(value);
  const signature = fromPrefixedHex(promise.signature);
  const signer = recoverAddress(anchorPromiseDigest(promise), signature.subarray(0, 64), (signature[64] ?? 0) - 27);
  if (signer !== promise.signer) throw new FormatError(`${promise.signer} did not sign the anchor promise`);
  if (options.origin !== undefined && anchorLogId(options.origin) !== promise.logId) {
    throw new FormatError('the anchor promise is of another log');
  }
  if (options.signers && !options.signers.some((known) => known.toLowerCase() === signer)) {
    throw new FormatError(`the anchor promise is signed by ${signer}, who is no known signer of this log`);
  }
  return promise;
}

/** Puts the promise together from what was signed. @param signature 65 bytes: r, s, v */
export function anchorPromiseOf(terms: AnchorPromiseTerms, signer: string, signature: Uint8Array): AnchorPromise {
  const { chainId, contract, logId, size, root, deadline } = terms;
  return parseAnchorPromise({
    chainId,
    contract: contract.toLowerCase(),
    logId,
    size,
    root,
    deadline,
    signer: signer.toLowerCase(),
    signature: toPrefixedHex(signature),
  });
}

/** What a reader should be told of a promise that is signed. */
export function describeAnchorPromise({ chainId, contract, size, deadline, signer }: AnchorPromise): string {
  const until = new Date(deadline * 1000).toISOString();
  return `${signer} promises an anchor of ${size} or more entries in ${contract} on chain ${chainId} by ${until}`;
}

function matches(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value);
}
