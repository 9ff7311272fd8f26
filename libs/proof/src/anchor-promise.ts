import { FormatError } from '#merkle';
import { isNatural, membersOf } from './ledger-body.js';

/** One registry signer's word (EIP-712) that a head that contains this one will be anchored by the deadline. */
export interface AnchorPromise {
  chainId: number;
  contract: string;
  logId: string;
  size: number;
  /** 64 hexadecimal digits. */
  root: string;
  /** Unix seconds. */
  deadline: number;
  signer: string;
  signature: string;
}

const MEMBERS = ['chainId', 'contract', 'logId', 'size', 'root', 'deadline', 'signer', 'signature'];

/** The form alone; says nothing of whether the promise holds. @throws FormatError */
export function parseAnchorPromise(value: unknown): AnchorPromise {
  const promise = membersOf(value, 'anchor promise', MEMBERS);
  const sound =
    [promise.contract, promise.logId, promise.root, promise.signer, promise.signature].every(
      (text) => typeof text === 'string',
    ) && [promise.chainId, promise.size, promise.deadline].every(isNatural);
  if (!sound) throw new FormatError('the anchor promise is not as its form demands');
  return promise as unknown as AnchorPromise;
}
