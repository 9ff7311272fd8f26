import { secp256k1 } from '@noble/curves/secp256k1.js';
import { keccak_256 } from '@noble/hashes/sha3.js';

/**
 * Blocks with one account and one slot in their state, sealed as QBFT seals them, made by an encoder of RLP and tries that
 * shares nothing with the verifier's: the oracle of its tests.
 */
type Item = Uint8Array | Item[];

const keccak = (bytes: Uint8Array) => keccak_256(bytes);
const hex = (bytes: Uint8Array) => `0x${Buffer.from(bytes).toString('hex')}`;
export const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text.replace(/^0x/, ''), 'hex'));

export function rlp(item: Item): Buffer {
  if (item instanceof Uint8Array) {
    if (item.length === 1 && item[0]! < 0x80) return Buffer.from(item);
    return Buffer.concat([prefix(0x80, item.length), item]);
  }
  const body = Buffer.concat(item.map(rlp));
  return Buffer.concat([prefix(0xc0, body.length), body]);
}

function prefix(base: number, length: number): Buffer {
  if (length < 56) return Buffer.from([base + length]);
  const digits = number(length);
  return Buffer.concat([Buffer.from([base + 55 + digits.length]), digits]);
}

function number(value: number): Buffer {
  const text = value === 0 ? '' : value.toString(16);
  return Buffer.from(text.length % 2 === 0 ? text : `0${text}`, 'hex');
}

/** The one leaf of a trie that holds one key. */
function leaf(key: Uint8Array, value: Uint8Array): Buffer {
  return rlp([Buffer.concat([Buffer.from([0x20]), keccak(key)]), value]);
}

export interface Validator {
  secret: Uint8Array;
  address: string;
}

export function validator(seed: number): Validator {
  const secret = new Uint8Array(32).fill(seed);
  const key = secp256k1.Point.BASE.multiply(BigInt(hex(secret))).toBytes(false);
  return { secret, address: hex(keccak(key.subarray(1)).subarray(12)) };
}

function seal(digest: Uint8Array, { secret }: Validator): Uint8Array {
  const [recovery, ...rest] = secp256k1.sign(digest, secret, { prehash: false, format: 'recovered' });
  return Uint8Array.from([...rest, recovery!]);
}

export interface SealedBlockOptions {
  chainId?: number;
  contract: string;
  logId: string;
  size: number;
  root: string;
  codeHash?: string;
  number?: number;
  round?: number;
  validators: Validator[];
  /** Who seals; the validators unless said otherwise. */
  sealers?: Validator[];
  /** Extra data in place of QBFT's. */
  extraData?: Uint8Array;
  /** Fields that later forks appended. */
  tail?: Uint8Array[];
}

/** The anchor proof of a block that holds this root, as an honest chain would give it. */
export function sealedBlock(options: SealedBlockOptions) {
  const { contract, logId, size, root, validators, round = 0 } = options;
  const slot = keccak(
    Buffer.concat([
      Buffer.from(size.toString(16).padStart(64, '0'), 'hex'),
      keccak(Buffer.concat([bytesOf(logId), Buffer.from('2'.padStart(64, '0'), 'hex')])),
    ]),
  );
  const storageLeaf = leaf(slot, rlp(bytesOf(root.replace(/^(00)+/, ''))));
  const account = rlp([
    number(1),
    number(0),
    keccak(storageLeaf),
    options.codeHash ? bytesOf(options.codeHash) : keccak(Buffer.from('code')),
  ]);
  const accountLeaf = leaf(bytesOf(contract), account);
  const extra = (at: number, seals: Uint8Array[]) =>
    options.extraData ??
    rlp([Buffer.alloc(32, 7), validators.map(({ address }) => bytesOf(address)), [], number(at), seals]);
  const fields = (extraData: Uint8Array): Item => [
    ...[Buffer.alloc(32, 1), Buffer.alloc(32, 2), Buffer.alloc(20, 3), keccak(accountLeaf), Buffer.alloc(32, 4)],
    ...[Buffer.alloc(32, 5), Buffer.alloc(256), number(1), number(options.number ?? 77), number(30_000_000)],
    ...[number(90_000), number(1_790_000_000), extraData, Buffer.alloc(32, 6), Buffer.alloc(8), number(0)],
    ...(options.tail ?? []),
  ];
  const digest = keccak(rlp(fields(extra(round, []))));
  const seals = (options.sealers ?? validators).map((sealer) => seal(digest, sealer));
  const header = rlp(fields(extra(round, seals)));
  const onChain = options.extraData ? keccak(header) : keccak(rlp(fields(extra(0, []))));
  return {
    v: 1,
    chainId: options.chainId ?? 1337,
    contract,
    logId,
    size,
    root,
    blockNumber: options.number ?? 77,
    blockHash: hex(onChain),
    header: hex(header),
    accountProof: [hex(accountLeaf)],
    storageProof: [hex(storageLeaf)],
  };
}
