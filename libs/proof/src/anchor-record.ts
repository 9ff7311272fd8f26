import { FormatError } from '#merkle';
import { isNatural, membersOf } from './ledger-body.js';

/**
 * A tree head in a chain's transaction, as receipts and bundles carry it. Offline it can be held against the log's own
 * head; that the transaction exists is for whoever asks the chain.
 */
export interface AnchorRecord {
  chainId: number;
  /** Address of the contract: `0x` and 40 hexadecimal digits. */
  contract: string;
  /** `0x` and 64 hexadecimal digits. */
  txHash: string;
  blockNumber: number;
  blockHash: string;
  size: number;
  /** The root, 64 hexadecimal digits. */
  root: string;
  /** What the chain's kind calls final, in words: `1 block of a development chain`. */
  finality: string;
  /** False for a chain that the operator alone runs: such an anchor proves nothing against the operator. */
  independentTrust: boolean;
}

const MEMBERS = [
  'chainId',
  'contract',
  'txHash',
  'blockNumber',
  'blockHash',
  'size',
  'root',
  'finality',
  'independentTrust',
] as const;

/** @throws FormatError when a member is missing, surplus or malformed */
export function parseAnchorRecord(value: unknown): AnchorRecord {
  const anchor = membersOf(value, 'anchor', MEMBERS);
  const rules: [string, boolean][] = [
    ['chainId', isNatural(anchor.chainId)],
    ['contract', hex(anchor.contract, /^0x[0-9a-fA-F]{40}$/)],
    ['txHash', hex(anchor.txHash, /^0x[0-9a-f]{64}$/)],
    ['blockNumber', isNatural(anchor.blockNumber)],
    ['blockHash', hex(anchor.blockHash, /^0x[0-9a-f]{64}$/)],
    ['size', isNatural(anchor.size) && anchor.size > 0],
    ['root', hex(anchor.root, /^[0-9a-f]{64}$/)],
    ['finality', typeof anchor.finality === 'string'],
    ['independentTrust', typeof anchor.independentTrust === 'boolean'],
  ];
  const broken = rules.find(([, holds]) => !holds);
  if (broken) throw new FormatError(`the anchor's ${broken[0]} is not as version 1 has it`);
  return anchor as unknown as AnchorRecord;
}

/** What a reader should be told of an anchor that agrees with the log. */
export function describeAnchor(anchor: AnchorRecord): string {
  const where = `transaction ${anchor.txHash} in block ${anchor.blockNumber} of chain ${anchor.chainId}`;
  const worth = anchor.independentTrust
    ? 'ask that chain to be sure that it is there'
    : "the operator's own chain, which adds no independent trust";
  return `the head of ${anchor.size} entries agrees with ${where} (${anchor.finality}); ${worth}`;
}

function hex(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value);
}
