import { randomBytes } from 'node:crypto';
import { type ContractFunctionArgs, getAddress, parseEventLogs } from 'viem';
import { anchorRegistryAbi } from './contracts/anchor-registry.abi.js';
import { anchorCall, createLogCall, type RegistryCall } from './registry-calls.js';
import {
  type AnchorLink,
  anchorLinkHash,
  type Hex,
  joinSignatures,
  type LinkSignature,
  NO_LINK,
  signerSetLinkHash,
} from './registry-links.js';
import { hex, leafHash, treePath, treeRoot } from './testing/naive-tree.js';
import { firstSet, linkOf, newKey, newKeys, RegistryStage, random32 } from './testing/registry-stage.js';

const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

let stage: RegistryStage;

beforeAll(async () => {
  stage = await RegistryStage.open();
});
afterAll(() => stage.close());

describe('AnchorRegistry on a real chain', () => {
  it('anchors 3 of 5: the head is the link hash that the client computes, and the event says it all', async () => {
    const log = await stage.createLog(5, 3);
    expect(await stage.read(log.logId)).toMatchObject({
      size: 0n,
      links: 1n,
      head: log.head,
      epoch: 1,
      threshold: 3,
      frozen: false,
    });
    const first = linkOf(log, 10n);
    await stage.anchor(log, first);
    const second = linkOf(log, 4_000_000_000_000n);
    const receipt = await stage.anchor(log, second);
    expect(await stage.read(log.logId)).toEqual({
      size: second.size,
      root: second.root,
      head: anchorLinkHash(second),
      links: 3n,
      epoch: 1,
      threshold: 3,
      frozen: false,
    });
    const [event] = parseEventLogs({ abi: anchorRegistryAbi, logs: receipt.logs });
    expect(event).toMatchObject({
      eventName: 'Anchored',
      args: {
        logId: log.logId,
        size: second.size,
        epoch: 1,
        root: second.root,
        prev: anchorLinkHash(first),
        head: log.head,
      },
    });
    const rootAt = (size: bigint) =>
      stage.client.readContract({
        abi: anchorRegistryAbi,
        address: stage.registry.contract,
        functionName: 'rootAt',
        args: [log.logId, size],
      });
    expect(await Promise.all([rootAt(10n), rootAt(11n), rootAt(second.size)])).toEqual([
      first.root,
      NO_LINK,
      second.root,
    ]);
  });

  it('keeps an independent head for each log, and a 1 of 1 log is cheap', async () => {
    const [a, b] = [await stage.createLog(1, 1), await stage.createLog(1, 1)];
    await stage.anchor(a, linkOf(a, 5n));
    await stage.anchor(a, linkOf(a, 6n));
    expect((await stage.read(b.logId)).size).toBe(0n);
    expect((await stage.read(random32())).epoch).toBe(0);
  });

  it('refuses too few, duplicate, unordered and foreign signatures, each by its name', async () => {
    const log = await stage.createLog(5, 3);
    const link = linkOf(log, 7n);
    const [a, b, c, d] = (await stage.signLink(log.signers, link)) as [
      LinkSignature,
      LinkSignature,
      LinkSignature,
      LinkSignature,
    ];
    const raw = (...signatures: LinkSignature[]): RegistryCall => {
      const ordered = anchorCall(link, signatures);
      const joined = joinSignatures(signatures).slice(2);
      const wanted = signatures.map(({ signature }) => signature.slice(2)).join('');
      return { ...ordered, data: ordered.data.replace(joined, wanted) as Hex };
    };
    const [stranger] = await stage.signLink([newKey()], link);
    expect(await stage.refusal(raw(a, b))).toEqual(['TooFewSignatures', 3n, 2n]);
    expect(await stage.refusal(raw(a, b, b))).toEqual(['SignaturesNotAscending', 2n]);
    expect(await stage.refusal(raw(b, a, c))).toEqual(['SignaturesNotAscending', 1n]);
    expect(await stage.refusal(raw(a, b, stranger as LinkSignature))).toEqual(['NotASigner', stranger?.signer]);
    expect(await stage.refusal(raw(a, b, c, { signer: d.signer, signature: '0x00' }))).toEqual([
      'SignaturesMalformed',
      196n,
    ]);
    expect(await stage.refusal(raw(a, b, c, d))).toEqual(['accepted']);
  });

  it('refuses the malleated twin of a signature and other v', async () => {
    const log = await stage.createLog(1, 1);
    const link = linkOf(log, 7n);
    const [{ signer, signature }] = (await stage.signLink(log.signers, link)) as [LinkSignature];
    const s = BigInt(`0x${signature.slice(66, 130)}`);
    const v = Number.parseInt(signature.slice(130), 16);
    const twin: Hex = `0x${signature.slice(2, 66)}${(CURVE_ORDER - s).toString(16).padStart(64, '0')}${(v === 27 ? 28 : 27).toString(16)}`;
    expect(await stage.refusal(anchorCall(link, [{ signer, signature: twin }]))).toEqual(['SignatureInvalid', 0n]);
    const offByV: Hex = `0x${signature.slice(2, 130)}${(v - 27).toString(16).padStart(2, '0')}`;
    expect(await stage.refusal(anchorCall(link, [{ signer, signature: offByV }]))).toEqual(['SignatureInvalid', 0n]);
    const zero: Hex = `0x${'00'.repeat(64)}1b`;
    expect(await stage.refusal(anchorCall(link, [{ signer, signature: zero }]))).toEqual(['SignatureInvalid', 0n]);
  });

  it('grows strictly and links strictly', async () => {
    const log = await stage.createLog(1, 1);
    const first = linkOf(log, 10n);
    const before = log.head;
    await stage.anchor(log, first);
    const attempt = async (link: AnchorLink) =>
      stage.refusal(anchorCall(link, await stage.signLink(log.signers, link)));
    expect(await attempt(linkOf(log, 10n))).toEqual(['SizeNotGreater', 10n, 10n]);
    expect(await attempt(linkOf(log, 9n))).toEqual(['SizeNotGreater', 10n, 9n]);
    expect(await attempt({ ...linkOf(log, 11n), prev: before })).toEqual(['BrokenLink', log.head, before]);
    expect(await attempt(first)).toEqual(['SizeNotGreater', 10n, 10n]);
    expect(await attempt(linkOf(log, 11n, NO_LINK))).toEqual(['ZeroRoot']);
    expect(await attempt({ ...linkOf(log, 11n), logId: random32() })).toEqual([
      'UnknownLog',
      expect.stringMatching(/^0x[0-9a-f]{64}$/),
    ]);
  });

  it('takes no signature over to another log, contract, chain or epoch', async () => {
    const signers = newKeys(1);
    const sets = [firstSet(random32(), signers, 1), firstSet(random32(), signers, 1)] as const;
    for (const link of sets) await stage.send(createLogCall(link, await stage.signSet(signers, link)));
    const link: AnchorLink = {
      logId: sets[0].logId,
      epoch: 1,
      size: 3n,
      root: random32(),
      prev: signerSetLinkHash(sets[0]),
    };
    const elsewhere: AnchorLink = { ...link, logId: sets[1].logId, prev: signerSetLinkHash(sets[1]) };
    expect((await stage.refusal(anchorCall(elsewhere, await stage.signLink(signers, link))))[0]).toBe('NotASigner');
    const foreign = [
      { ...stage.registry, chainId: 1 },
      { ...stage.registry, contract: getAddress(`0x${'12'.repeat(20)}`) },
    ];
    for (const other of foreign) {
      const signatures = await Promise.all(signers.map((key) => key.signAnchor(other, link)));
      expect((await stage.refusal(anchorCall(link, signatures)))[0]).toBe('NotASigner');
    }
    const late = { ...link, epoch: 2 };
    expect(await stage.refusal(anchorCall(late, await stage.signLink(signers, late)))).toEqual(['WrongEpoch', 1, 2]);
    expect(await stage.refusal(anchorCall(link, await stage.signLink(signers, link)))).toEqual(['accepted']);
  });

  it('verifies inclusion for every leaf of every small tree, and nothing else', async () => {
    const log = await stage.createLog(1, 1);
    const leaves = Array.from({ length: 33 }, () => randomBytes(40));
    type Arguments = ContractFunctionArgs<typeof anchorRegistryAbi, 'view', 'verifyInclusion'>;
    const included = (...args: Arguments) =>
      stage.client.readContract({
        abi: anchorRegistryAbi,
        address: stage.registry.contract,
        functionName: 'verifyInclusion',
        args,
      });
    for (let size = 1; size <= leaves.length; size += 1) {
      const tree = leaves.slice(0, size);
      await stage.anchor(log, linkOf(log, BigInt(size), hex(treeRoot(tree))));
      const n = BigInt(size);
      await Promise.all(
        tree.map(async (leaf, index) => {
          const path = treePath(index, tree).map(hex);
          const i = BigInt(index);
          const claims = [
            included(log.logId, n, i, hex(leafHash(leaf)), path),
            included(log.logId, n, i, hex(leafHash(randomBytes(40))), path),
            included(log.logId, n, i, hex(leafHash(leaf)), [...path, random32()]),
            included(log.logId, n, i + n, hex(leafHash(leaf)), path),
            included(log.logId, n + 1n, i, hex(leafHash(leaf)), path),
            ...(path.length > 0 ? [included(log.logId, n, i, hex(leafHash(leaf)), path.slice(1))] : []),
            ...(path.length > 0 ? [included(log.logId, n, i ^ 1n, hex(leafHash(leaf)), path)] : []),
          ];
          expect((await Promise.all(claims)).filter(Boolean)).toHaveLength(1);
          expect(await claims[0]).toBe(true);
        }),
      );
    }
  });

  it('names its EIP-712 domain, so that an HSM or a wallet can show what is signed', async () => {
    const [fields, name, version, chainId, contract] = await stage.client.readContract({
      abi: anchorRegistryAbi,
      address: stage.registry.contract,
      functionName: 'eip712Domain',
    });
    expect([fields, name, version, Number(chainId), contract]).toEqual([
      '0x0f',
      'Freehold AnchorRegistry',
      '1',
      stage.registry.chainId,
      stage.registry.contract,
    ]);
  });
});
