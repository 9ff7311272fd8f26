/**
 * The links of a log's history in AnchorRegistry, as EIP-712 structures: their hashes, what a signer signs, and a quorum's
 * signatures in the order that the contract wants. Pure; the contract's NatSpec says what each field means.
 */
import { concatHex, hashStruct, type TypedDataDomain } from 'viem';

/** Bytes as 0x-prefixed lower-case hex. */
export type Hex = `0x${string}`;

/** Where links are valid: one registry on one chain. */
export interface Registry {
  chainId: number;
  /** Address of the contract. */
  contract: Hex;
}

export interface SignerSetLink {
  logId: Hex;
  /** 1 for the set that creates the log. */
  epoch: number;
  threshold: number;
  /** Strictly ascending addresses; see `ascending`. */
  signers: readonly Hex[];
  /** Hash of the link before; `NO_LINK` for the first. */
  prev: Hex;
}

export interface AnchorLink {
  logId: Hex;
  epoch: number;
  /** Leaves of the log. */
  size: bigint;
  /** RFC 6962 root over them. */
  root: Hex;
  prev: Hex;
}

/** One signer's 65 bytes (r, s, v) with its address, which gives their order. */
export interface LinkSignature {
  signer: Hex;
  signature: Hex;
}

export const NO_LINK: Hex = `0x${'00'.repeat(32)}`;

export const LINK_TYPES = {
  Anchor: [
    { name: 'logId', type: 'bytes32' },
    { name: 'epoch', type: 'uint32' },
    { name: 'size', type: 'uint64' },
    { name: 'root', type: 'bytes32' },
    { name: 'prev', type: 'bytes32' },
  ],
  SignerSet: [
    { name: 'logId', type: 'bytes32' },
    { name: 'epoch', type: 'uint32' },
    { name: 'threshold', type: 'uint8' },
    { name: 'signers', type: 'address[]' },
    { name: 'prev', type: 'bytes32' },
  ],
} as const;

/** A head that contains this one will be anchored by the deadline: what a signer promises; see the contract. */
export interface AnchorPromiseTerms {
  logId: Hex;
  size: bigint;
  root: Hex;
  /** Unix seconds. */
  deadline: bigint;
}

export const PROMISE_TYPES = {
  AnchorPromise: [
    { name: 'logId', type: 'bytes32' },
    { name: 'size', type: 'uint64' },
    { name: 'root', type: 'bytes32' },
    { name: 'deadline', type: 'uint64' },
  ],
} as const;

export function registryDomain({ chainId, contract }: Registry): TypedDataDomain {
  return { name: 'Freehold AnchorRegistry', version: '1', chainId, verifyingContract: contract };
}

/** The head that the contract has after this anchor. */
export function anchorLinkHash(link: AnchorLink): Hex {
  return hashStruct({ types: LINK_TYPES, primaryType: 'Anchor', data: link });
}

/** The head that the contract has after this signer set. */
export function signerSetLinkHash(link: SignerSetLink): Hex {
  return hashStruct({ types: LINK_TYPES, primaryType: 'SignerSet', data: link });
}

/** Addresses in the one order the contract accepts. */
export function ascending(addresses: readonly Hex[]): Hex[] {
  return [...addresses].sort((a, b) => compareAddresses(a, b));
}

/** A quorum's signatures as the contract's `signatures` argument: 65 bytes each, ascending by signer. */
export function joinSignatures(signatures: readonly LinkSignature[]): Hex {
  return concatHex(
    [...signatures].sort((a, b) => compareAddresses(a.signer, b.signer)).map(({ signature }) => signature),
  );
}

function compareAddresses(a: Hex, b: Hex): number {
  const [left, right] = [a.toLowerCase(), b.toLowerCase()];
  return left < right ? -1 : left > right ? 1 : 0;
}
