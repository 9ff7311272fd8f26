import fc from 'fast-check';
import { hashTypedData } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { FormatError, toHex } from '#merkle';
import {
  type AnchorPromise,
  type AnchorPromiseTerms,
  anchorLogId,
  anchorPromiseDigest,
  anchorPromiseOf,
  parseAnchorPromise,
  verifyAnchorPromise,
} from './index.js';

const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const types = {
  AnchorPromise: [
    { name: 'logId', type: 'bytes32' },
    { name: 'size', type: 'uint64' },
    { name: 'root', type: 'bytes32' },
    { name: 'deadline', type: 'uint64' },
  ],
} as const;
const account = privateKeyToAccount(`0x${'07'.repeat(32)}`);
const terms: AnchorPromiseTerms = {
  chainId: 31337,
  contract: `0x${'ab'.repeat(20)}`,
  logId: anchorLogId('freehold/0123'),
  size: 42,
  root: '5e'.repeat(32),
  deadline: 1_800_000_000,
};

/** As wallets and the contract have it: viem is the oracle. */
const typed = ({ chainId, contract, logId, size, root, deadline }: AnchorPromiseTerms) => ({
  domain: { name: 'Freehold AnchorRegistry', version: '1', chainId, verifyingContract: contract as `0x${string}` },
  types,
  primaryType: 'AnchorPromise' as const,
  message: {
    logId: logId as `0x${string}`,
    size: BigInt(size),
    root: `0x${root}` as const,
    deadline: BigInt(deadline),
  },
});

async function signed(of: AnchorPromiseTerms = terms): Promise<AnchorPromise> {
  const signature = await account.signTypedData(typed(of));
  return anchorPromiseOf(of, account.address, Buffer.from(signature.slice(2), 'hex'));
}

const hex = (digits: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${digits}}$`));

describe('anchor promises', () => {
  it('have the EIP-712 digest that a wallet shows', () => {
    fc.assert(
      fc.property(
        fc.record({
          chainId: fc.nat().map((id) => id + 1),
          contract: hex(40).map((digits) => `0x${digits}`),
          logId: hex(64).map((digits) => `0x${digits}`),
          size: fc.nat().map((size) => size + 1),
          root: hex(64),
          deadline: fc.nat(),
        }),
        (of) => expect(`0x${toHex(anchorPromiseDigest(of))}`).toBe(hashTypedData(typed(of))),
      ),
    );
  });

  it('are verified by whoever knows nothing, the log, or its signers', async () => {
    const promise = await signed();
    expect(verifyAnchorPromise(promise)).toEqual(promise);
    expect(verifyAnchorPromise(promise, { origin: 'freehold/0123', signers: [account.address] })).toEqual(promise);
    expect(() => verifyAnchorPromise(promise, { origin: 'freehold/4567' })).toThrow('another log');
    expect(() => verifyAnchorPromise(promise, { signers: [`0x${'00'.repeat(20)}`] })).toThrow('no known signer');
    expect(() => verifyAnchorPromise(promise, { signers: [] })).toThrow('no known signer');
  });

  it('hold for exactly what was signed', async () => {
    const promise = await signed();
    const changes: Partial<AnchorPromise>[] = [
      { chainId: 1 },
      { contract: `0x${'ac'.repeat(20)}` },
      { logId: anchorLogId('x') },
      { size: 41 },
      { root: '5f'.repeat(32) },
      { deadline: terms.deadline + 1 },
      { signer: `0x${'00'.repeat(20)}` },
    ];
    for (const change of changes) expect(() => verifyAnchorPromise({ ...promise, ...change })).toThrow(FormatError);
  });

  it('have one signature: neither its malleated twin nor another v is taken, as in the contract', async () => {
    const promise = await signed();
    const s = BigInt(`0x${promise.signature.slice(66, 130)}`);
    const v = promise.signature.slice(130);
    const twin = `${promise.signature.slice(0, 66)}${(CURVE_ORDER - s).toString(16).padStart(64, '0')}${v === '1b' ? '1c' : '1b'}`;
    const signatures = [
      twin,
      ...['00', '01', '1a', '1d'].map((other) => `${promise.signature.slice(0, 130)}${other}`),
      `0x${'00'.repeat(64)}1b`,
      `0x${'ff'.repeat(64)}1b`,
    ];
    for (const signature of signatures)
      expect(() => verifyAnchorPromise({ ...promise, signature })).toThrow(FormatError);
  });

  it.each<[string, unknown]>([
    ['chainId', 0],
    ['contract', '0x12'],
    ['logId', 'ab'.repeat(32)],
    ['size', 0],
    ['size', 1.5],
    ['root', `0x${'5e'.repeat(32)}`],
    ['deadline', Number.MAX_SAFE_INTEGER],
    ['deadline', '1'],
    ['signer', account.address],
    ['signature', '0x'],
  ])('refuse a malformed %s (%j)', async (member, value) => {
    const promise = await signed();
    expect(() => parseAnchorPromise({ ...promise, [member]: value })).toThrow(`the anchor promise's ${member} is not`);
  });

  it('refuse missing and surplus members', async () => {
    const promise = await signed();
    const { signer: _left, ...without } = promise;
    expect(() => parseAnchorPromise(without)).toThrow('has no signer');
    expect(() => parseAnchorPromise({ ...promise, note: '' })).toThrow('may not have');
    expect(() => parseAnchorPromise(null)).toThrow(FormatError);
  });
});
