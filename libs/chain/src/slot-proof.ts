import { toRlp } from 'viem';
import { hasHash, parseBlockHeader } from '#proof';
import type { Hex } from './registry-links.js';

/** What a node gives to prove one slot of a contract's storage in the state of one block (EIP-1186). */
export interface SlotProof {
  /** RLP. */
  header: Hex;
  accountProof: Hex[];
  storageProof: Hex[];
}

/** Why a node gives no proof. None of them is mended by asking it again. */
export const PROOF_REFUSALS = {
  'not-served': 'the node does not serve eth_getProof',
  'state-gone': 'the node has not the state of that block (any more)',
  'header-unknown': "the block's header has fields that are not known here",
  'does-not-hold': "the node's proof does not hold",
} as const;
export type ProofRefusal = keyof typeof PROOF_REFUSALS;

/** A block as eth_getBlockByHash gives it, as far as its header goes. */
export type RpcHeader = Record<string, unknown>;

const QUANTITIES = new Set([
  'difficulty',
  'number',
  'gasLimit',
  'gasUsed',
  'timestamp',
  'baseFeePerGas',
  'blobGasUsed',
  'excessBlobGas',
]);
const FIELDS = [
  ...['parentHash', 'sha3Uncles', 'miner', 'stateRoot', 'transactionsRoot', 'receiptsRoot', 'logsBloom'],
  ...['difficulty', 'number', 'gasLimit', 'gasUsed', 'timestamp', 'extraData', 'mixHash', 'nonce'],
];
/** What forks appended, in this order: London, Shanghai, Cancun (three), Prague. */
const APPENDED = [
  ...['baseFeePerGas', 'withdrawalsRoot', 'blobGasUsed', 'excessBlobGas', 'parentBeaconBlockRoot', 'requestsHash'],
];

/** The header's RLP, when it has the hash that the node says it has; null for a kind of header that is not known here. */
export function headerRlp(block: RpcHeader): Hex | null {
  const appended = APPENDED.filter((name) => block[name] !== undefined && block[name] !== null);
  const names = [...FIELDS, ...appended];
  const values = names.map((name) => block[name]);
  if (values.some((value) => typeof value !== 'string') || typeof block.hash !== 'string') return null;
  const rlp = toRlp(
    values.map((value, at) => (QUANTITIES.has(names[at]!) ? trimmed(value as string) : (value as Hex))),
  );
  try {
    return hasHash(parseBlockHeader(bytes(rlp)), bytes(block.hash)) ? rlp : null;
  } catch {
    return null;
  }
}

/** A quantity without leading zeros, as RLP has numbers; zero is empty. */
function trimmed(quantity: string): Hex {
  const digits = quantity.slice(2).replace(/^0+/, '');
  return `0x${digits.length % 2 === 0 ? digits : `0${digits}`}`;
}

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.slice(2), 'hex'));
}
