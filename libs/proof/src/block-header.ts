import { RLP } from '@ethereumjs/rlp';
import { equalBytes, FormatError } from '#merkle';
import { keccak256, recoverAddress, toPrefixedHex } from './evm-primitives.js';

/**
 * A block's header as the chain hashes it, in the two kinds that exist: the plain one, whose hash is that of its RLP, and
 * QBFT's (Besu, EIP-650's successor), whose extra data carry the validators' seals and whose hash leaves these out.
 */
export interface BlockHeader {
  number: number;
  stateRoot: Uint8Array;
  /** The hash of the header as it stands. */
  plainHash: Uint8Array;
  /** What QBFT says of it; null when the extra data are not QBFT's. */
  qbft: QbftSeal | null;
}

export interface QbftSeal {
  /** The block's hash on the chain: without seals, as of round 0. */
  hash: Uint8Array;
  /** The validators that the header itself names, `0x` and 40 lower-case digits. */
  validators: string[];
  /** Who sealed it, each once. */
  sealers: string[];
}

type RlpItem = Uint8Array | RlpItem[];

const STATE_ROOT = 3;
const NUMBER = 8;
const EXTRA_DATA = 12;
/** Up to the nonce; later forks append fields. */
const FEWEST_FIELDS = 15;
const MAX_HEADER_BYTES = 1 << 16;

/** @throws FormatError */
export function parseBlockHeader(rlp: Uint8Array): BlockHeader {
  if (rlp.length > MAX_HEADER_BYTES) throw new FormatError('the block header is too long');
  const fields = decodeList(rlp, 'the block header');
  const [stateRoot, number, extraData] = [fields[STATE_ROOT], fields[NUMBER], fields[EXTRA_DATA]];
  if (fields.length < FEWEST_FIELDS || fields.some((field) => !(field instanceof Uint8Array))) {
    throw new FormatError('the block header has not the fields of one');
  }
  if (!isBytes(stateRoot, 32) || !(number instanceof Uint8Array) || number.length > 6) {
    throw new FormatError('the block header has a malformed state root or number');
  }
  return {
    number: number.reduce((value, byte) => value * 256 + byte, 0),
    stateRoot,
    plainHash: keccak256(rlp),
    qbft: parseSeal(fields, extraData as Uint8Array),
  };
}

/** Whether this is the hash that the chain knows the block by. */
export function hasHash({ plainHash, qbft }: BlockHeader, hash: Uint8Array): boolean {
  return equalBytes(plainHash, hash) || (qbft !== null && equalBytes(qbft.hash, hash));
}

/** QBFT's extra data are `[vanity, validators, vote, round, seals]`; seals sign the header with its round and no seals. */
function parseSeal(fields: RlpItem[], extraData: Uint8Array): QbftSeal | null {
  let extra: RlpItem[];
  try {
    extra = decodeList(extraData, 'the extra data');
  } catch {
    return null;
  }
  const [vanity, validators, vote, round, seals] = extra;
  if (extra.length !== 5 || !isBytes(vanity, 32) || !Array.isArray(validators) || !Array.isArray(seals)) return null;
  if (!(round instanceof Uint8Array) || !Array.isArray(vote)) return null;
  if (!validators.every((validator) => isBytes(validator, 20)) || !seals.every((seal) => isBytes(seal, 65)))
    return null;
  const hashWith = (lastTwo: RlpItem[]): Uint8Array => {
    const stripped = [...fields];
    stripped[EXTRA_DATA] = RLP.encode([vanity, validators, vote, ...lastTwo]);
    return keccak256(RLP.encode(stripped));
  };
  const sealed = hashWith([round, []]);
  return {
    hash: hashWith([new Uint8Array(0), []]),
    validators: validators.map((validator) => toPrefixedHex(validator as Uint8Array)),
    sealers: sealersOf(seals as Uint8Array[], sealed),
  };
}

/** A seal that is no signature is nobody's: the others may still be enough. */
function sealersOf(seals: readonly Uint8Array[], digest: Uint8Array): string[] {
  const sealers = new Set<string>();
  for (const seal of seals) {
    try {
      sealers.add(recoverAddress(digest, seal.subarray(0, 64), seal[64]!));
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
    }
  }
  return [...sealers];
}

/** The items of an RLP list, all of it. @throws FormatError */
export function decodeList(rlp: Uint8Array, what: string): RlpItem[] {
  let decoded: unknown;
  try {
    decoded = RLP.decode(rlp);
  } catch (cause) {
    throw new FormatError(`${what} is not RLP`, { cause });
  }
  if (!Array.isArray(decoded)) throw new FormatError(`${what} is not a list`);
  return decoded as RlpItem[];
}

function isBytes(item: RlpItem | undefined, length: number): item is Uint8Array {
  return item instanceof Uint8Array && item.length === length;
}
