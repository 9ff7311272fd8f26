/** Call data and gas of what Freehold asks of AnchorRegistry, and the addresses that follow from an account. Pure. */
import { encodeFunctionData, getContractAddress } from 'viem';
import { anchorRegistryAbi } from './contracts/anchor-registry.abi.js';
import artifact from './contracts/anchor-registry.json' with { type: 'json' };
import {
  type AnchorLink,
  type AnchorPromiseTerms,
  type Hex,
  joinSignatures,
  type LinkSignature,
  type SignerSetLink,
} from './registry-links.js';

/** A call ready to be put into a transaction; see `UnsignedTransaction`. */
export interface RegistryCall {
  data: Hex;
  gas: bigint;
}

/** Measured: 1.81 M. */
const CREATION_GAS = 2_500_000n;
/** Measured: 206 k for five signers of which three sign; each signer is a fresh storage slot, each signature 6 k. */
const SIGNER_SET_GAS = { base: 150_000n, perSigner: 45_000n };
/** Measured: 83 k for three signatures. */
const ANCHOR_GAS = { base: 120_000n, perSignature: 12_000n };

/** The creation code of the registry, which takes no arguments. */
export function creationCall(): RegistryCall {
  return { data: artifact.bytecode as Hex, gas: CREATION_GAS };
}

/** The code that a registry made by `creationCall` has on the chain. */
export function registryCode(): Hex {
  return artifact.deployedBytecode as Hex;
}

/** The address of the contract that `account` creates with its transaction number `nonce`: the same on every chain. */
export function contractAddress(account: Hex, nonce: number): Hex {
  return getContractAddress({ from: account, nonce: BigInt(nonce) });
}

export function createLogCall(link: SignerSetLink, signatures: readonly LinkSignature[]): RegistryCall {
  return {
    data: encodeFunctionData({
      abi: anchorRegistryAbi,
      functionName: 'createLog',
      args: [link.logId, link.threshold, link.signers, joinSignatures(signatures)],
    }),
    gas: signerSetGas(link),
  };
}

export function changeSignersCall(link: SignerSetLink, signatures: readonly LinkSignature[]): RegistryCall {
  return {
    data: encodeFunctionData({
      abi: anchorRegistryAbi,
      functionName: 'changeSigners',
      args: [link.logId, link.threshold, link.signers, link.prev, joinSignatures(signatures)],
    }),
    gas: signerSetGas(link),
  };
}

export function anchorCall(link: AnchorLink, signatures: readonly LinkSignature[]): RegistryCall {
  return {
    data: encodeFunctionData({
      abi: anchorRegistryAbi,
      functionName: 'anchor',
      args: [link.logId, link.epoch, link.size, link.root, link.prev, joinSignatures(signatures)],
    }),
    gas: ANCHOR_GAS.base + ANCHOR_GAS.perSignature * BigInt(signatures.length),
  };
}

/** One signer's signatures over two different roots of one size, whoever saw them. */
export interface Equivocation {
  logId: Hex;
  size: bigint;
  heads: readonly [SignedHead, SignedHead];
}

export interface SignedHead {
  epoch: number;
  root: Hex;
  prev: Hex;
  signature: Hex;
}

export function equivocationCall({ logId, size, heads }: Equivocation): RegistryCall {
  return {
    data: encodeFunctionData({
      abi: anchorRegistryAbi,
      functionName: 'reportEquivocation',
      args: [logId, size, heads[0], heads[1]],
    }),
    gas: 120_000n,
  };
}

/** A promise with the signature of whoever gave it. */
export interface SignedAnchorPromise extends AnchorPromiseTerms {
  signature: Hex;
}

/** The call that disables whoever promised an anchor that is not there. */
export function lateAnchorCall({ logId, ...promised }: SignedAnchorPromise): RegistryCall {
  return {
    data: encodeFunctionData({ abi: anchorRegistryAbi, functionName: 'reportLateAnchor', args: [logId, promised] }),
    gas: 120_000n,
  };
}

/** Two leaves, by their hashes, at one index of a signed and of an anchored tree. */
export interface ForkProof {
  /** Leaves of the anchored tree. */
  anchoredSize: bigint;
  index: bigint;
  signedLeaf: Hex;
  signedPath: readonly Hex[];
  anchoredLeaf: Hex;
  anchoredPath: readonly Hex[];
}

/** The call that disables whoever promised a head that contradicts what was anchored. */
export function forkedPromiseCall({ logId, ...promised }: SignedAnchorPromise, fork: ForkProof): RegistryCall {
  return {
    data: encodeFunctionData({
      abi: anchorRegistryAbi,
      functionName: 'reportForkedPromise',
      args: [logId, promised, fork.anchoredSize, fork],
    }),
    gas: forkGas(fork),
  };
}

/** As `forkedPromiseCall`, for a head that was signed to be anchored. */
export function forkedHeadCall(logId: Hex, size: bigint, head: SignedHead, fork: ForkProof): RegistryCall {
  return {
    data: encodeFunctionData({
      abi: anchorRegistryAbi,
      functionName: 'reportForkedHead',
      args: [logId, size, head, fork.anchoredSize, fork],
    }),
    gas: forkGas(fork),
  };
}

/** Measured: 2.5 k for each hash of the paths. */
function forkGas({ signedPath, anchoredPath }: ForkProof): bigint {
  return 150_000n + 4_000n * BigInt(signedPath.length + anchoredPath.length);
}

function signerSetGas({ signers }: SignerSetLink): bigint {
  return SIGNER_SET_GAS.base + SIGNER_SET_GAS.perSigner * BigInt(signers.length);
}
