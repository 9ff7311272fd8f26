import { parseEventLogs } from 'viem';
import type { ChainKey } from './chain-key.js';
import { anchorRegistryAbi } from './contracts/anchor-registry.abi.js';
import {
  anchorCall,
  changeSignersCall,
  type ForkProof,
  forkedHeadCall,
  forkedPromiseCall,
  lateAnchorCall,
  type SignedAnchorPromise,
} from './registry-calls.js';
import { type AnchorLink, NO_LINK, type SignerSetLink, signerSetLinkHash } from './registry-links.js';
import { hex, leafHash, treePath, treeRoot } from './testing/naive-tree.js';
import { firstSet, linkOf, newKey, newKeys, RegistryStage, random32, type TestLog } from './testing/registry-stage.js';

const NEVER = 2n ** 64n - 1n;
let stage: RegistryStage;

beforeAll(async () => {
  stage = await RegistryStage.open();
});
afterAll(() => stage.close());

const eventOf = (receipt: Awaited<ReturnType<RegistryStage['send']>>) =>
  parseEventLogs({ abi: anchorRegistryAbi, logs: receipt.logs })[0];

describe('anchor promises in AnchorRegistry', () => {
  const promised = (log: TestLog, key: ChainKey, size: bigint, deadline: bigint) =>
    stage.promise(key, { logId: log.logId, size, root: random32(), deadline });

  it('disable who did not keep one, from the second after the deadline on, whatever the block says of the head', async () => {
    const log = await stage.createLog(3, 2);
    const [late, ...others] = log.signers as [ChainKey, ChainKey, ChainKey];
    await stage.anchor(log, linkOf(log, 9n));
    const before = await stage.read(log.logId);
    const deadline = (await stage.now()) + 1_000n;
    const promise = await promised(log, late, 10n, deadline);
    expect(await stage.refusal(lateAnchorCall(promise))).toEqual(['PromiseNotDue', deadline]);
    await stage.node('evm_setNextBlockTimestamp', Number(deadline));
    await stage.node('evm_mine');
    expect(await stage.now()).toBe(deadline);
    await stage.node('evm_setNextBlockTimestamp', Number(deadline) + 1);
    const receipt = await stage.send(lateAnchorCall(promise), 'late anchor');
    expect(eventOf(receipt)).toMatchObject({
      eventName: 'PromiseBroken',
      args: { logId: log.logId, signer: late.address, size: 10n, root: promise.root, deadline, anchoredSize: 9n },
    });
    expect(await stage.isDisabled(log.logId, late.address)).toBe(true);
    expect(await stage.read(log.logId)).toEqual(before);
    expect(await stage.refusal(lateAnchorCall(promise))).toEqual(['SignerDisabled', late.address]);
    const next = linkOf(log, 10n);
    const quorum = await stage.signLink(others, next);
    expect(await stage.refusal(anchorCall(next, await stage.signLink(log.signers.slice(0, 2), next)))).toEqual([
      'SignerDisabled',
      late.address,
    ]);
    await stage.send(anchorCall(next, quorum));
  });

  it('are not due in the very second of the deadline', async () => {
    const log = await stage.createLog(1, 1);
    const deadline = (await stage.now()) + 500n;
    const promise = await promised(log, log.signers[0]!, 1n, deadline);
    const report = lateAnchorCall(promise);
    await stage.node('evm_setNextBlockTimestamp', Number(deadline));
    await expect(stage.send(report)).rejects.toThrow();
    expect(await stage.isDisabled(log.logId, log.signers[0]!.address)).toBe(false);
  });

  it('are kept by any head that contains the promised one, also late, and by every head when of nothing', async () => {
    const log = await stage.createLog(1, 1);
    const [key] = log.signers as [ChainKey];
    const past = (await stage.now()) - 10n;
    const promise = await promised(log, key, 5n, past);
    await stage.anchor(log, linkOf(log, 5n));
    expect(await stage.refusal(lateAnchorCall(promise))).toEqual(['PromiseKept', 5n, 5n]);
    await stage.anchor(log, linkOf(log, 8n));
    expect(await stage.refusal(lateAnchorCall(promise))).toEqual(['PromiseKept', 5n, 8n]);
    const empty = await stage.createLog(1, 1);
    const ofNothing = await promised(empty, empty.signers[0]!, 0n, past);
    expect(await stage.refusal(lateAnchorCall(ofNothing))).toEqual(['PromiseKept', 0n, 0n]);
  });

  it('bind nobody but a signer of that log, on that chain and in that contract', async () => {
    const log = await stage.createLog(1, 1);
    const [key] = log.signers as [ChainKey];
    const other = await stage.createLog(1, 1);
    const past = (await stage.now()) - 10n;
    const promise = await promised(log, key, 5n, past);
    const stranger = newKey();
    expect(await stage.refusal(lateAnchorCall(await promised(log, stranger, 5n, past)))).toEqual([
      'NotASigner',
      stranger.address,
    ]);
    // What was promised of one log, brought against another that the same key does not sign for.
    expect((await stage.refusal(lateAnchorCall({ ...promise, logId: other.logId })))[0]).toBe('NotASigner');
    expect((await stage.refusal(lateAnchorCall({ ...promise, logId: random32() })))[0]).toBe('UnknownLog');
    for (const change of [{ size: 6n }, { root: random32() }, { deadline: past - 1n }]) {
      expect((await stage.refusal(lateAnchorCall({ ...promise, ...change })))[0]).toBe('NotASigner');
    }
    for (const elsewhere of [
      { ...stage.registry, chainId: 1 },
      { ...stage.registry, contract: `0x${'12'.repeat(20)}` as const },
    ]) {
      const { signature } = await key.signAnchorPromise(elsewhere, promise);
      expect((await stage.refusal(lateAnchorCall({ ...promise, signature })))[0]).toBe('NotASigner');
    }
    expect(await stage.refusal(lateAnchorCall({ ...promise, signature: '0x00' }))).toEqual(['SignaturesMalformed', 1n]);
    // A signature over an anchor is no promise, and the reverse.
    const link = linkOf(log, 5n);
    const { signature } = await key.signAnchor(stage.registry, link);
    expect((await stage.refusal(lateAnchorCall({ ...promise, signature })))[0]).toBe('NotASigner');
    const asAnchor = [{ signer: key.address, signature: promise.signature }];
    expect((await stage.refusal(anchorCall(link, asAnchor)))[0]).toBe('NotASigner');
  });

  it('with the last deadline there is never come due, and one in the past is due at once', async () => {
    const log = await stage.createLog(1, 1);
    const [key] = log.signers as [ChainKey];
    expect(await stage.refusal(lateAnchorCall(await promised(log, key, NEVER, NEVER)))).toEqual([
      'PromiseNotDue',
      NEVER,
    ]);
    expect(await stage.refusal(lateAnchorCall(await promised(log, key, NEVER, 0n)))).toEqual(['accepted']);
  });

  it('bind a signer that has left, without counting it against the set that came after', async () => {
    const log = await stage.createLog(1, 1);
    const [old] = log.signers as [ChainKey];
    const promise = await promised(log, old, 5n, (await stage.now()) - 10n);
    const fresh = newKeys(1);
    const link: SignerSetLink = { ...firstSet(log.logId, fresh, 1), epoch: 2, prev: log.head };
    await stage.send(changeSignersCall(link, await stage.signSet([old], link)));
    await stage.send(lateAnchorCall(promise));
    expect(await stage.read(log.logId)).toMatchObject({ frozen: false, head: signerSetLinkHash(link) });
    expect(await stage.isDisabled(log.logId, old.address)).toBe(true);
    const anchor: AnchorLink = { ...linkOf(log, 3n), epoch: 2, prev: signerSetLinkHash(link) };
    await stage.send(anchorCall(anchor, await stage.signLink(fresh, anchor)));
  });

  it('freeze a log whose last quorum broke one: no anchor and no change of signers saves it', async () => {
    const log = await stage.createLog(1, 1);
    const [key] = log.signers as [ChainKey];
    await stage.send(lateAnchorCall(await promised(log, key, 5n, 1n)));
    expect((await stage.read(log.logId)).frozen).toBe(true);
    const link = linkOf(log, 5n);
    expect(await stage.refusal(anchorCall(link, await stage.signLink([key], link)))).toEqual([
      'SignerDisabled',
      key.address,
    ]);
    const fresh = newKeys(1);
    const set: SignerSetLink = { ...firstSet(log.logId, fresh, 1), epoch: 2, prev: log.head };
    expect(await stage.refusal(changeSignersCall(set, await stage.signSet([key], set)))).toEqual([
      'SignerDisabled',
      key.address,
    ]);
  });
});

describe('forks in AnchorRegistry', () => {
  const leaves = (tag: string, size: number, forkedAt = size) =>
    Array.from({ length: size }, (_, at) => Buffer.from(`${at < forkedAt ? 'shared' : tag} ${at}`));

  /** The evidence, as whoever holds both trees makes it. */
  function forkProof(signed: Buffer[], anchored: Buffer[], index: number): ForkProof {
    const at = (tree: Buffer[]) => hex(leafHash(tree[index]!));
    return {
      anchoredSize: BigInt(anchored.length),
      index: BigInt(index),
      signedLeaf: at(signed),
      signedPath: treePath(index, signed).map(hex),
      anchoredLeaf: at(anchored),
      anchoredPath: treePath(index, anchored).map(hex),
    };
  }

  async function logOver(tree: Buffer[]): Promise<TestLog> {
    const log = await stage.createLog(1, 1);
    await stage.anchor(log, linkOf(log, BigInt(tree.length), hex(treeRoot(tree))));
    return log;
  }

  const promiseOf = (log: TestLog, tree: Buffer[], deadline = NEVER): Promise<SignedAnchorPromise> =>
    stage.promise(log.signers[0]!, {
      logId: log.logId,
      size: BigInt(tree.length),
      root: hex(treeRoot(tree)),
      deadline,
    });

  it.each([
    [5, 12],
    [12, 5],
    [11, 8],
  ])('disable who promised %i leaves of another history than the %i that were anchored', async (promisedSize, size) => {
    const [anchored, shown] = [leaves('real', size, 3), leaves('shown', promisedSize, 3)];
    const log = await logOver(anchored);
    const promise = await promiseOf(log, shown);
    const before = await stage.read(log.logId);
    // Where both agree nothing is proven; a leaf that is in neither tree proves nothing.
    expect(await stage.refusal(forkedPromiseCall(promise, forkProof(shown, anchored, 2)))).toEqual(['NotAFork']);
    const fork = forkProof(shown, anchored, 4);
    expect(await stage.refusal(forkedPromiseCall(promise, { ...fork, signedLeaf: random32() }))).toEqual([
      'NotIncluded',
      BigInt(promisedSize),
      4n,
    ]);
    expect(await stage.refusal(forkedPromiseCall(promise, { ...fork, anchoredPath: [] }))).toEqual([
      'NotIncluded',
      BigInt(size),
      4n,
    ]);
    expect(await stage.refusal(forkedPromiseCall(promise, { ...fork, anchoredSize: 99n }))).toEqual([
      'NotAnchored',
      99n,
    ]);
    const beyond = forkedPromiseCall(promise, { ...fork, index: BigInt(Math.min(size, promisedSize)) });
    expect((await stage.refusal(beyond))[0]).toBe('NotIncluded');
    const receipt = await stage.send(forkedPromiseCall(promise, fork), `forked promise, ${promisedSize} and ${size}`);
    expect(eventOf(receipt)).toMatchObject({
      eventName: 'ForkProven',
      args: {
        signer: log.signers[0]!.address,
        size: BigInt(promisedSize),
        anchoredSize: BigInt(size),
        anchoredRoot: before.root,
        index: 4n,
      },
    });
    expect((await stage.refusal(forkedPromiseCall(promise, fork)))[0]).toBe('SignerDisabled');
    expect(await stage.read(log.logId)).toEqual({ ...before, frozen: true });
  });

  it('of one size need no leaf: two roots are enough', async () => {
    const [anchored, shown] = [leaves('real', 6, 3), leaves('shown', 6, 3)];
    const log = await logOver(anchored);
    const nothing: ForkProof = {
      ...{ anchoredSize: 6n, index: 0n, signedLeaf: NO_LINK, anchoredLeaf: NO_LINK, signedPath: [], anchoredPath: [] },
    };
    const same = await promiseOf(log, anchored);
    expect(await stage.refusal(forkedPromiseCall(same, nothing))).toEqual(['NotAFork']);
    const receipt = await stage.send(forkedPromiseCall(await promiseOf(log, shown), nothing));
    expect(eventOf(receipt)).toMatchObject({
      eventName: 'ForkProven',
      args: { size: 6n, anchoredSize: 6n, index: 6n },
    });
  });

  it('disable who signed a head for another anchor, though it was never sent', async () => {
    const [anchored, shown] = [leaves('real', 9, 2), leaves('shown', 7, 2)];
    const log = await logOver(anchored);
    const [key] = log.signers as [ChainKey];
    const link: AnchorLink = { ...linkOf(log, 7n, hex(treeRoot(shown))), prev: random32() };
    const { signature } = await key.signAnchor(stage.registry, link);
    const head = { epoch: 1, root: link.root, prev: link.prev, signature };
    const fork = forkProof(shown, anchored, 6);
    expect((await stage.refusal(forkedHeadCall(log.logId, 7n, { ...head, epoch: 2 }, fork)))[0]).toBe('NotASigner');
    expect((await stage.refusal(forkedHeadCall(random32(), 7n, head, fork)))[0]).toBe('UnknownLog');
    const receipt = await stage.send(forkedHeadCall(log.logId, 7n, head, fork), 'forked head');
    expect(eventOf(receipt)).toMatchObject({ eventName: 'ForkProven', args: { signer: key.address, index: 6n } });
  });

  it('cannot be made of two heads of one history, for no index and no pair of sizes', async () => {
    const history = leaves('one', 17, 17);
    for (const size of [1, 2, 7, 16]) {
      const log = await logOver(history.slice(0, size));
      for (const promisedSize of [1, 3, 8, 17]) {
        const promise = await promiseOf(log, history.slice(0, promisedSize));
        for (let index = 0; index < Math.min(size, promisedSize); index += 1) {
          const fork = forkProof(history.slice(0, promisedSize), history.slice(0, size), index);
          expect(await stage.refusal(forkedPromiseCall(promise, fork))).toEqual(['NotAFork']);
          // Inner nodes in the place of leaves.
          const inner = { ...fork, signedLeaf: fork.signedPath[0] ?? NO_LINK, signedPath: fork.signedPath.slice(1) };
          expect((await stage.refusal(forkedPromiseCall(promise, inner)))[0]).toMatch(/^(NotIncluded|NotAFork)$/);
        }
      }
    }
  });
});
