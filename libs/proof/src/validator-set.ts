import { FormatError, fromUtf8 } from '#merkle';
import { isNatural, membersOf } from './ledger-body.js';

/**
 * Who seals the blocks of a QBFT chain, as a verifier keeps it in a file: `{"v":1,"type":"freehold-validators","chainId",
 * "validators"}`. A chain may change its validators by vote; then the verifier needs the set of the anchor's time.
 */
export interface ValidatorSet {
  chainId: number;
  /** `0x` and 40 lower-case digits, each once. */
  validators: string[];
}

const MAX_BYTES = 1 << 16;

/** @throws FormatError */
export function parseValidatorSet(document: Uint8Array): ValidatorSet {
  if (document.length > MAX_BYTES) throw new FormatError('the validators file is too long');
  const file = membersOf(parseJson(document), 'validators file', ['v', 'type', 'chainId', 'validators']);
  if (file.v !== 1 || file.type !== 'freehold-validators') throw new FormatError('not a validators file of version 1');
  if (!isNatural(file.chainId) || file.chainId === 0) throw new FormatError('the chain id is malformed');
  const { validators } = file;
  const isAddress = (text: unknown) => typeof text === 'string' && /^0x[0-9a-fA-F]{40}$/.test(text);
  if (!Array.isArray(validators) || validators.length === 0 || !validators.every(isAddress)) {
    throw new FormatError('the validators are not a list of addresses');
  }
  const lowered = validators.map((validator: string) => validator.toLowerCase());
  if (new Set(lowered).size !== lowered.length) throw new FormatError('a validator is named twice');
  return { chainId: file.chainId, validators: lowered };
}

/** How many of them make a block final in QBFT: two thirds, rounded up. */
export function quorumOf({ validators }: ValidatorSet): number {
  return Math.ceil((2 * validators.length) / 3);
}

function parseJson(document: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(document));
  } catch (cause) {
    throw new FormatError('the validators file is not JSON', { cause });
  }
}
