import { getAddress, parseEventLogs } from 'viem';
import { ChainKey } from './chain-key.js';
import { anchorRegistryAbi } from './contracts/anchor-registry.abi.js';
import { anchorCall, changeSignersCall, createLogCall, equivocationCall, type SignedHead } from './registry-calls.js';
import {
  type AnchorLink,
  anchorLinkHash,
  ascending,
  type Hex,
  NO_LINK,
  type SignerSetLink,
  signerSetLinkHash,
} from './registry-links.js';
import { firstSet, linkOf, newKey, newKeys, RegistryStage, random32 } from './testing/registry-stage.js';

let stage: RegistryStage;

beforeAll(async () => {
  stage = await RegistryStage.open();
});
afterAll(() => stage.close());

describe('the signers of AnchorRegistry on a real chain', () => {
  it('creates a log only once, with a sane set, and only by a quorum of that set', async () => {
    const log = await stage.createLog(2, 1);
    const again = firstSet(log.logId, log.signers, 2);
    expect(await stage.refusal(createLogCall(again, await stage.signSet(log.signers, again)))).toEqual([
      'LogExists',
      log.logId,
    ]);
    const attempt = async (link: SignerSetLink, keys: ChainKey[]) =>
      stage.refusal(createLogCall(link, await stage.signSet(keys, link)));
    const fresh = firstSet(random32(), log.signers, 2);
    expect(await attempt(fresh, log.signers.slice(0, 1))).toEqual(['TooFewSignatures', 2n, 1n]);
    expect((await attempt(fresh, newKeys(2)))[0]).toBe('NotASigner');
    expect(await attempt({ ...fresh, threshold: 3 }, log.signers)).toEqual(['ThresholdOutOfRange', 3, 2n]);
    expect(await attempt({ ...fresh, threshold: 0 }, log.signers)).toEqual(['ThresholdOutOfRange', 0, 2n]);
    expect(await attempt({ ...fresh, signers: [] }, log.signers)).toEqual(['SignerCountOutOfRange', 0n, 32n]);
    const [one] = fresh.signers as [Hex];
    expect(await attempt({ ...fresh, signers: [one, one] }, log.signers)).toEqual(['SignersNotAscending', 1n]);
    expect(await attempt({ ...fresh, signers: [...fresh.signers].reverse() }, log.signers)).toEqual([
      'SignersNotAscending',
      1n,
    ]);
    expect(await attempt({ ...fresh, signers: [getAddress(`0x${'00'.repeat(20)}`), one] }, log.signers)).toEqual([
      'SignersNotAscending',
      0n,
    ]);
    const crowd = newKeys(33);
    expect(await attempt(firstSet(random32(), crowd, 1), crowd.slice(0, 1))).toEqual([
      'SignerCountOutOfRange',
      33n,
      32n,
    ]);
  });

  it('changes signers by the old quorum alone; the old epoch is over then', async () => {
    const log = await stage.createLog(3, 2);
    const next = newKeys(2);
    const link: SignerSetLink = {
      logId: log.logId,
      epoch: 2,
      threshold: 2,
      signers: ascending([...next.map((key) => key.address)]),
      prev: log.head,
    };
    const attempt = async (set: SignerSetLink, keys: ChainKey[]) =>
      stage.refusal(changeSignersCall(set, await stage.signSet(keys, set)));
    expect(await attempt(link, log.signers.slice(0, 1))).toEqual(['TooFewSignatures', 2n, 1n]);
    expect((await attempt(link, next))[0]).toBe('NotASigner');
    expect(await attempt({ ...link, prev: NO_LINK }, log.signers.slice(0, 2))).toEqual([
      'BrokenLink',
      log.head,
      NO_LINK,
    ]);
    const beforeChange = linkOf(log, 9n);
    const prepared = await stage.signLink(log.signers.slice(0, 2), beforeChange);
    await stage.send(
      changeSignersCall(link, await stage.signSet(log.signers.slice(0, 2), link)),
      'changeSigners to 2 of 2',
    );
    expect(await stage.read(log.logId)).toMatchObject({
      head: signerSetLinkHash(link),
      epoch: 2,
      threshold: 2,
      links: 2n,
    });
    expect(await stage.refusal(anchorCall(beforeChange, prepared))).toEqual(['WrongEpoch', 2, 1]);
    const after: AnchorLink = { ...beforeChange, epoch: 2, prev: signerSetLinkHash(link) };
    expect((await stage.refusal(anchorCall(after, await stage.signLink(log.signers.slice(0, 2), after))))[0]).toBe(
      'NotASigner',
    );
    await stage.send(anchorCall(after, await stage.signLink(next, after)));
    expect((await stage.read(log.logId)).head).toBe(anchorLinkHash(after));
  });

  it('disables a proven equivocator for ever, and freezes a log that has no quorum left', async () => {
    const log = await stage.createLog(3, 2);
    const [honest, liar, other] = log.signers as [ChainKey, ChainKey, ChainKey];
    const sign = async (key: ChainKey, root: Hex, size = 50n, logId = log.logId): Promise<SignedHead> => {
      const link: AnchorLink = { logId, epoch: 1, size, root, prev: random32() };
      const { signature } = await key.signAnchor(stage.registry, link);
      return { epoch: 1, root, prev: link.prev, signature };
    };
    const prove = (a: SignedHead, b: SignedHead, size = 50n) =>
      equivocationCall({ logId: log.logId, size, heads: [a, b] });
    const [rootA, rootB] = [random32(), random32()];
    const a = await sign(liar, rootA);
    expect(await stage.refusal(prove(a, await sign(liar, rootA)))).toEqual(['NotEquivocation']);
    expect(await stage.refusal(prove(a, await sign(honest, rootB)))).toEqual(['NotEquivocation']);
    expect(await stage.refusal(prove(a, await sign(liar, rootB, 51n)))).toEqual(['NotEquivocation']);
    const stranger = newKey();
    expect(await stage.refusal(prove(await sign(stranger, rootA), await sign(stranger, rootB)))).toEqual([
      'NotASigner',
      stranger.address,
    ]);

    const receipt = await stage.send(prove(a, await sign(liar, rootB)), 'equivocation');
    expect(parseEventLogs({ abi: anchorRegistryAbi, logs: receipt.logs })[0]).toMatchObject({
      eventName: 'EquivocationProven',
      args: { logId: log.logId, signer: liar.address, size: 50n, rootA, rootB },
    });
    expect(await stage.refusal(prove(a, await sign(liar, rootB)))).toEqual(['SignerDisabled', liar.address]);
    const link = linkOf(log, 7n);
    expect(await stage.refusal(anchorCall(link, await stage.signLink([honest, liar], link)))).toEqual([
      'SignerDisabled',
      liar.address,
    ]);
    const back: SignerSetLink = { ...firstSet(log.logId, log.signers, 1), epoch: 2, prev: log.head };
    expect(await stage.refusal(changeSignersCall(back, await stage.signSet([honest, other], back)))).toEqual([
      'SignerDisabled',
      liar.address,
    ]);
    await stage.send(anchorCall(link, await stage.signLink([honest, other], link)));
    expect(await stage.read(log.logId)).toMatchObject({ head: anchorLinkHash(link), frozen: false });

    await stage.send(prove(await sign(other, rootA), await sign(other, rootB)));
    expect((await stage.read(log.logId)).frozen).toBe(true);
    const never: AnchorLink = { ...linkOf(log, 8n), prev: anchorLinkHash(link) };
    expect(await stage.refusal(anchorCall(never, await stage.signLink([honest, other], never)))).toEqual([
      'SignerDisabled',
      other.address,
    ]);
    expect(
      await Promise.all([
        stage.isSigner(log.logId, honest.address),
        stage.isSigner(log.logId, liar.address),
        stage.isDisabled(log.logId, liar.address),
      ]),
    ).toEqual([true, false, true]);
  });

  it('knows an equivocator that has left the set, without counting it against the new one', async () => {
    const log = await stage.createLog(1, 1);
    const [old] = log.signers as [ChainKey];
    const fresh = newKeys(1);
    const link: SignerSetLink = { ...firstSet(log.logId, fresh, 1), epoch: 2, prev: log.head };
    await stage.send(changeSignersCall(link, await stage.signSet([old], link)));
    const heads = await Promise.all(
      [random32(), random32()].map(async (root) => {
        const head: AnchorLink = { logId: log.logId, epoch: 1, size: 4n, root, prev: NO_LINK };
        return { epoch: 1, root, prev: NO_LINK, signature: (await old.signAnchor(stage.registry, head)).signature };
      }),
    );
    await stage.send(equivocationCall({ logId: log.logId, size: 4n, heads: heads as [SignedHead, SignedHead] }));
    expect((await stage.read(log.logId)).frozen).toBe(false);
  });
});
