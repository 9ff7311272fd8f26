import { FormatError } from '#merkle';
import { isNatural, membersOf } from './ledger-body.js';

/** Anchor proof, version 1: that a head's root stands in the contract's storage in the state of one block. */
export interface AnchorProof {
  v: 1;
  chainId: number;
  contract: string;
  logId: string;
  size: number;
  root: string;
  blockNumber: number;
  blockHash: string;
  /** The block's header, RLP, `0x` and hexadecimal digits. */
  header: string;
  /** Nodes of the state trie and of the contract's storage trie, from the root down. */
  accountProof: string[];
  storageProof: string[];
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
];

/** The form alone; says nothing of whether the proof holds. @throws FormatError */
export function parseAnchorProof(value: unknown): AnchorProof {
  const proof = membersOf(value, 'anchor proof', MEMBERS);
  const sound =
    proof.v === 1 &&
    [proof.contract, proof.logId, proof.root, proof.blockHash, proof.header].every(
      (text) => typeof text === 'string',
    ) &&
    [proof.chainId, proof.size, proof.blockNumber].every(isNatural) &&
    [proof.accountProof, proof.storageProof].every(
      (nodes) => Array.isArray(nodes) && nodes.every((node) => typeof node === 'string'),
    );
  if (!sound) throw new FormatError('the anchor proof is not as version 1 has it');
  return proof as unknown as AnchorProof;
}
