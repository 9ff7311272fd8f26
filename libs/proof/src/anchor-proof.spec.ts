import { FormatError } from '#merkle';
import { anchorLogId, parseAnchorProof, parseValidatorSet, REGISTRY_CODE_HASHES, verifyAnchorProof } from './index.js';
import { bytesOf, rlp, type SealedBlockOptions, sealedBlock, validator } from './testing/sealed-block.js';

const origin = 'freehold/0123';
const four = [1, 2, 3, 4].map(validator);
const block: SealedBlockOptions = {
  contract: `0x${'ab'.repeat(20)}`,
  logId: anchorLogId(origin),
  size: 1_000,
  root: '5e'.repeat(32),
  validators: four,
};
const set = { chainId: 1337, validators: four.map(({ address }) => address) };
const honest = sealedBlock(block);

const refused = async (proof: unknown, options: Parameters<typeof verifyAnchorProof>[1] = {}) => {
  const error = await verifyAnchorProof(proof, options).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(FormatError);
  return (error as Error).message;
};

describe('verifyAnchorProof', () => {
  it('says what it was held against: nothing, a block, the validators, or both', async () => {
    expect(await verifyAnchorProof(honest, { origin })).toMatchObject({
      pinned: [],
      detail: expect.stringContaining('ask that chain for the block'),
    });
    expect((await verifyAnchorProof(honest, { blockHash: honest.blockHash })).pinned).toEqual(['block']);
    expect((await verifyAnchorProof(honest, { validators: set })).pinned).toEqual(['validators']);
    const both = await verifyAnchorProof(honest, { blockHash: honest.blockHash, validators: set });
    expect(both.pinned).toEqual(['block', 'validators']);
  });

  it('knows the code of AnchorRegistry and says when it is another', async () => {
    expect(await verifyAnchorProof(honest)).toMatchObject({
      knownCode: false,
      detail: expect.stringContaining('its code is none that this verifier knows'),
    });
    const known = sealedBlock({ ...block, codeHash: REGISTRY_CODE_HASHES.at(-1) });
    expect(await verifyAnchorProof(known)).toMatchObject({ knownCode: true });
  });

  it.each([0, 1, 300])('takes the seals of round %i, which is no part of the hash on the chain', async (round) => {
    const proof = sealedBlock({ ...block, round });
    expect(proof.blockHash).toBe(honest.blockHash);
    expect((await verifyAnchorProof(proof, { validators: set })).pinned).toEqual(['validators']);
  });

  it('takes headers of forks that appended fields', async () => {
    const proof = sealedBlock({ ...block, tail: [new Uint8Array(32), new Uint8Array(0), new Uint8Array(0)] });
    expect((await verifyAnchorProof(proof, { validators: set })).pinned).toEqual(['validators']);
  });

  it('takes a plain block, whose extra data seal nothing, against its hash alone', async () => {
    const plain = sealedBlock({ ...block, extraData: Buffer.from('a miner') });
    expect((await verifyAnchorProof(plain, { blockHash: plain.blockHash })).pinned).toEqual(['block']);
    expect(await refused(plain, { validators: set })).toContain('not sealed as QBFT');
  });

  it.each([
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 3],
    [5, 4],
    [6, 4],
    [7, 5],
  ])('of %i validators wants %i', async (total, quorum) => {
    const validators = Array.from({ length: total }, (_, at) => validator(at + 1));
    const pinned = { chainId: 1337, validators: validators.map(({ address }) => address) };
    const sealed = (count: number) => sealedBlock({ ...block, validators, sealers: validators.slice(0, count) });
    expect((await verifyAnchorProof(sealed(quorum), { validators: pinned })).pinned).toEqual(['validators']);
    expect(await refused(sealed(quorum - 1), { validators: pinned })).toContain(`${quorum} are needed`);
  });

  it('counts no strangers, no seal twice and no seal of another header', async () => {
    const [one, two] = four as [(typeof four)[0], (typeof four)[0]];
    const strangers = [11, 12, 13, 14].map(validator);
    expect(await refused(sealedBlock({ ...block, sealers: strangers }), { validators: set })).toContain('0 of the');
    // A chain of the operator's own with validators of its own is no chain of the expected ones.
    expect(await refused(sealedBlock({ ...block, validators: strangers }), { validators: set })).toContain('0 of the');
    const doubled = sealedBlock({ ...block, sealers: [one, one, one, two] });
    expect(await refused(doubled, { validators: set })).toContain('2 of the expected');
    const forged = { ...sealedBlock({ ...block, root: 'ee'.repeat(32) }) };
    const seals = sealsOf(honest.header);
    expect(await refused({ ...forged, header: withSeals(forged.header, seals) }, { validators: set })).toContain(
      '0 of',
    );
  });

  it('is of one chain, one log, one size, one root, one block', async () => {
    expect(await refused(honest, { validators: { ...set, chainId: 1 } })).toContain('those of 1');
    expect(await refused(honest, { origin: 'freehold/other' })).toContain('another log');
    expect(await refused(honest, { blockHash: `0x${'00'.repeat(32)}` })).toContain('is expected');
    expect(await refused({ ...honest, size: 999 })).toContain('holds no root');
    expect(await refused({ ...honest, root: '5f'.repeat(32) })).toContain('another root');
    expect(await refused({ ...honest, contract: `0x${'ac'.repeat(20)}` })).toContain('no such contract');
    expect(await refused({ ...honest, logId: anchorLogId('x') })).toContain('holds no root');
    expect(await refused({ ...honest, blockNumber: 78 })).toContain('not that of the block');
    expect(await refused({ ...honest, blockHash: `0x${'01'.repeat(32)}` })).toContain('not that of the block');
    const other = sealedBlock({ ...block, root: 'ee'.repeat(32) });
    expect(await refused({ ...honest, storageProof: other.storageProof })).toContain('nodes do not lead');
    expect(await refused({ ...honest, accountProof: other.accountProof })).toContain('nodes do not lead');
  });

  it('takes roots with leading zeros, which the trie leaves out', async () => {
    const proof = sealedBlock({ ...block, root: `0000${'5e'.repeat(30)}` });
    expect((await verifyAnchorProof(proof, { validators: set })).pinned).toEqual(['validators']);
  });

  it('finds every flipped bit of the header and of the nodes, with the block pinned', async () => {
    const small = sealedBlock({ ...block, validators: four.slice(0, 1) });
    const pins = { blockHash: small.blockHash, validators: { chainId: 1337, validators: [four[0]!.address] } };
    for (const member of ['header', 'accountProof', 'storageProof'] as const) {
      const whole = member === 'header' ? small.header : small[member][0]!;
      for (let at = 2; at < whole.length; at += 2) {
        const byte = (Number.parseInt(whole.slice(at, at + 2), 16) ^ (1 << (at % 8))).toString(16).padStart(2, '0');
        const edited = `${whole.slice(0, at)}${byte}${whole.slice(at + 2)}`;
        await refused({ ...small, [member]: member === 'header' ? edited : [edited] }, pins);
      }
    }
  });

  it.each<[string, object]>([
    ['v', { v: 2 }],
    ['chainId', { chainId: 0 }],
    ['contract', { contract: block.contract.toUpperCase() }],
    ['logId', { logId: 'x' }],
    ['size', { size: 0 }],
    ['root', { root: `0x${block.root}` }],
    ['blockNumber', { blockNumber: -1 }],
    ['blockHash', { blockHash: '0x' }],
    ['header', { header: '0xzz' }],
    ['accountProof', { accountProof: [] }],
    ['accountProof', { accountProof: Array(65).fill('0x00') }],
    ['storageProof', { storageProof: [`0x${'00'.repeat(5_000)}`] }],
    ['storageProof', { storageProof: '0x00' }],
  ])('refuses a malformed %s', (member, change) => {
    expect(() => parseAnchorProof({ ...honest, ...change })).toThrow(`the anchor proof's ${member} is not`);
  });

  it('refuses missing and surplus members, and bytes that are no header', async () => {
    expect(() => parseAnchorProof({ ...honest, extra: 1 })).toThrow(FormatError);
    const { header: _left, ...without } = honest;
    expect(() => parseAnchorProof(without)).toThrow(FormatError);
    for (const header of ['0x00', '0xc0', '0xf8ff', `0x${rlp([[]]).toString('hex')}`])
      await refused({ ...honest, header });
  });
});

describe('parseValidatorSet', () => {
  const file = (members: object) =>
    Buffer.from(JSON.stringify({ v: 1, type: 'freehold-validators', ...set, ...members }));

  it('takes addresses in any case', () => {
    expect(parseValidatorSet(file({ validators: [`0x${'AB'.repeat(20)}`] })).validators).toEqual([
      `0x${'ab'.repeat(20)}`,
    ]);
  });

  it.each<[string, object]>([
    ['another version', { v: 2 }],
    ['another type', { type: 'x' }],
    ['no chain', { chainId: 0 }],
    ['nobody', { validators: [] }],
    ['no address', { validators: ['0x12'] }],
    ['one named twice', { validators: [`0x${'AB'.repeat(20)}`, `0x${'ab'.repeat(20)}`] }],
    ['a surplus member', { quorum: 1 }],
  ])('refuses %s', (_what, members) => {
    expect(() => parseValidatorSet(file(members))).toThrow(FormatError);
  });

  it('refuses what is no JSON', () => {
    expect(() => parseValidatorSet(Buffer.from('[1'))).toThrow(FormatError);
  });
});

/** The seals of an honest header, as RLP. */
function sealsOf(header: string): string {
  const at = header.lastIndexOf('b841') - 0;
  expect(at).toBeGreaterThan(0);
  const first = header.indexOf('b841');
  return header.slice(first, at + 4 + 130);
}

function withSeals(header: string, seals: string): string {
  const own = sealsOf(header);
  expect(bytesOf(own).length).toBe(bytesOf(seals).length);
  return header.replace(own, seals);
}
