import { createHash, randomBytes } from 'node:crypto';
import {
  type ContractFunctionArgs,
  ContractFunctionRevertedError,
  createPublicClient,
  getAddress,
  http,
  type PublicClient,
  parseEventLogs,
} from 'viem';
import { type ChainFixture, startChainFixture } from '../../../test/support/chain-fixture.js';
import { ChainKey } from './chain-key.js';
import { anchorRegistryAbi } from './contracts/anchor-registry.abi.js';
import {
  anchorCall,
  changeSignersCall,
  contractAddress,
  createLogCall,
  creationCall,
  equivocationCall,
  type RegistryCall,
  type SignedHead,
} from './registry-calls.js';
import {
  type AnchorLink,
  anchorLinkHash,
  ascending,
  type Hex,
  joinSignatures,
  type LinkSignature,
  NO_LINK,
  type Registry,
  type SignerSetLink,
  signerSetLinkHash,
} from './registry-links.js';

const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** RFC 6962, word for word: the root of D[n] and the path of a leaf in it. The oracle for the contract's verification. */
const sha = (...parts: Buffer[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
const leafHash = (leaf: Buffer) => sha(Buffer.from([0]), leaf);
function split(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}
function treeRoot(leaves: Buffer[]): Buffer {
  if (leaves.length === 1) return leafHash(leaves[0] as Buffer);
  const k = split(leaves.length);
  return sha(Buffer.from([1]), treeRoot(leaves.slice(0, k)), treeRoot(leaves.slice(k)));
}
function treePath(index: number, leaves: Buffer[]): Buffer[] {
  if (leaves.length === 1) return [];
  const k = split(leaves.length);
  return index < k
    ? [...treePath(index, leaves.slice(0, k)), treeRoot(leaves.slice(k))]
    : [...treePath(index - k, leaves.slice(k)), treeRoot(leaves.slice(0, k))];
}
const hex = (bytes: Uint8Array): Hex => `0x${Buffer.from(bytes).toString('hex')}`;
const random32 = () => hex(randomBytes(32));

function newKey(): ChainKey {
  return new ChainKey(Buffer.concat([Buffer.from([1]), randomBytes(31)]));
}

function newKeys(count: number): ChainKey[] {
  return Array.from({ length: count }, newKey).sort((a, b) =>
    a.address.toLowerCase() < b.address.toLowerCase() ? -1 : 1,
  );
}

describe('AnchorRegistry on a real chain', () => {
  let fixture: ChainFixture;
  let client: PublicClient;
  let registry: Registry;
  const account = newKey();
  let nonce = 0;
  const gas: Record<string, bigint> = {};

  beforeAll(async () => {
    fixture = await startChainFixture();
    client = createPublicClient({
      transport: http(fixture.chain.url, { retryCount: 0 }),
      pollingInterval: 5,
      cacheTime: 0,
    });
    registry = { chainId: fixture.chain.chainId, contract: contractAddress(account.address, 0) };
    gas.creation = (await send(creationCall(), null)).gasUsed;
  });

  afterAll(async () => {
    process.stdout.write(
      `gas: ${JSON.stringify(gas, (_key, value) => (typeof value === 'bigint' ? Number(value) : value))}\n`,
    );
    await fixture.stop();
  });

  async function send(call: RegistryCall, to: Hex | null = registry.contract) {
    const signed = await account.signTransaction({
      chainId: registry.chainId,
      nonce,
      to,
      ...call,
      fee: { kind: 'fixed', gasPrice: 0n },
    });
    nonce += 1;
    await client.sendRawTransaction({ serializedTransaction: signed.raw });
    const receipt = await client.waitForTransactionReceipt({ hash: signed.hash });
    expect(receipt.status).toBe('success');
    return receipt;
  }

  /** The name and arguments of the custom error with which the contract refuses the call. */
  async function refusal(call: RegistryCall): Promise<[name: string, ...args: unknown[]]> {
    try {
      await client.call({ to: registry.contract, data: call.data });
    } catch (error) {
      const revert = (error as { walk(is: (e: unknown) => boolean): unknown }).walk(
        (e) => typeof (e as { data?: unknown }).data === 'string',
      );
      const decoded = new ContractFunctionRevertedError({
        abi: anchorRegistryAbi,
        data: (revert as { data: Hex }).data,
        functionName: 'anchor',
      }).data;
      return [decoded?.errorName ?? 'unknown', ...((decoded?.args as unknown[] | undefined) ?? [])];
    }
    return ['accepted'];
  }

  const read = async (logId: Hex) => {
    const [size, root, head, links, epoch, threshold, frozen] = await client.readContract({
      abi: anchorRegistryAbi,
      address: registry.contract,
      functionName: 'logOf',
      args: [logId],
    });
    return { size, root, head, links, epoch, threshold, frozen };
  };

  interface TestLog {
    logId: Hex;
    signers: ChainKey[];
    threshold: number;
    head: Hex;
  }

  const signSet = (keys: ChainKey[], link: SignerSetLink) =>
    Promise.all(keys.map((key) => key.signSignerSet(registry, link)));
  const signLink = (keys: ChainKey[], link: AnchorLink) =>
    Promise.all(keys.map((key) => key.signAnchor(registry, link)));

  function firstSet(logId: Hex, signers: ChainKey[], threshold: number): SignerSetLink {
    return { logId, epoch: 1, threshold, signers: ascending(signers.map((key) => key.address)), prev: NO_LINK };
  }

  async function createLog(count: number, threshold: number): Promise<TestLog> {
    const signers = newKeys(count);
    const link = firstSet(random32(), signers, threshold);
    const receipt = await send(createLogCall(link, await signSet(signers.slice(0, threshold), link)));
    gas[`createLog ${threshold} of ${count}`] = receipt.gasUsed;
    return { logId: link.logId, signers, threshold, head: signerSetLinkHash(link) };
  }

  const linkOf = (log: TestLog, size: bigint, root = random32()): AnchorLink => ({
    logId: log.logId,
    epoch: 1,
    size,
    root,
    prev: log.head,
  });

  async function anchor(log: TestLog, link: AnchorLink) {
    const receipt = await send(anchorCall(link, await signLink(log.signers.slice(0, log.threshold), link)));
    log.head = anchorLinkHash(link);
    return receipt;
  }

  it('anchors 3 of 5: the head is the link hash that the client computes, and the event says it all', async () => {
    const log = await createLog(5, 3);
    expect(await read(log.logId)).toMatchObject({
      size: 0n,
      links: 1n,
      head: log.head,
      epoch: 1,
      threshold: 3,
      frozen: false,
    });
    const first = linkOf(log, 10n);
    await anchor(log, first);
    const second = linkOf(log, 4_000_000_000_000n);
    const receipt = await anchor(log, second);
    gas['anchor 3 of 5'] = receipt.gasUsed;
    expect(await read(log.logId)).toEqual({
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
      client.readContract({
        abi: anchorRegistryAbi,
        address: registry.contract,
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
    const [a, b] = [await createLog(1, 1), await createLog(1, 1)];
    await anchor(a, linkOf(a, 5n));
    gas['anchor 1 of 1'] = (await anchor(a, linkOf(a, 6n))).gasUsed;
    expect((await read(b.logId)).size).toBe(0n);
    expect((await read(random32())).epoch).toBe(0);
  });

  it('refuses too few, duplicate, unordered and foreign signatures, each by its name', async () => {
    const log = await createLog(5, 3);
    const link = linkOf(log, 7n);
    const [a, b, c, d] = (await signLink(log.signers, link)) as [
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
    const [stranger] = await signLink([newKey()], link);
    expect(await refusal(raw(a, b))).toEqual(['TooFewSignatures', 3n, 2n]);
    expect(await refusal(raw(a, b, b))).toEqual(['SignaturesNotAscending', 2n]);
    expect(await refusal(raw(b, a, c))).toEqual(['SignaturesNotAscending', 1n]);
    expect(await refusal(raw(a, b, stranger as LinkSignature))).toEqual(['NotASigner', stranger?.signer]);
    expect(await refusal(raw(a, b, c, { signer: d.signer, signature: '0x00' }))).toEqual(['SignaturesMalformed', 196n]);
    expect(await refusal(raw(a, b, c, d))).toEqual(['accepted']);
  });

  it('refuses the malleated twin of a signature and other v', async () => {
    const log = await createLog(1, 1);
    const link = linkOf(log, 7n);
    const [{ signer, signature }] = (await signLink(log.signers, link)) as [LinkSignature];
    const s = BigInt(`0x${signature.slice(66, 130)}`);
    const v = Number.parseInt(signature.slice(130), 16);
    const twin: Hex = `0x${signature.slice(2, 66)}${(CURVE_ORDER - s).toString(16).padStart(64, '0')}${(v === 27 ? 28 : 27).toString(16)}`;
    expect(await refusal(anchorCall(link, [{ signer, signature: twin }]))).toEqual(['SignatureInvalid', 0n]);
    const offByV: Hex = `0x${signature.slice(2, 130)}${(v - 27).toString(16).padStart(2, '0')}`;
    expect(await refusal(anchorCall(link, [{ signer, signature: offByV }]))).toEqual(['SignatureInvalid', 0n]);
    const zero: Hex = `0x${'00'.repeat(64)}1b`;
    expect(await refusal(anchorCall(link, [{ signer, signature: zero }]))).toEqual(['SignatureInvalid', 0n]);
  });

  it('grows strictly and links strictly', async () => {
    const log = await createLog(1, 1);
    const first = linkOf(log, 10n);
    const before = log.head;
    await anchor(log, first);
    const attempt = async (link: AnchorLink) => refusal(anchorCall(link, await signLink(log.signers, link)));
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
    for (const link of sets) await send(createLogCall(link, await signSet(signers, link)));
    const link: AnchorLink = {
      logId: sets[0].logId,
      epoch: 1,
      size: 3n,
      root: random32(),
      prev: signerSetLinkHash(sets[0]),
    };
    const elsewhere: AnchorLink = { ...link, logId: sets[1].logId, prev: signerSetLinkHash(sets[1]) };
    expect((await refusal(anchorCall(elsewhere, await signLink(signers, link))))[0]).toBe('NotASigner');
    const foreign = [
      { ...registry, chainId: 1 },
      { ...registry, contract: getAddress(`0x${'12'.repeat(20)}`) },
    ];
    for (const other of foreign) {
      const signatures = await Promise.all(signers.map((key) => key.signAnchor(other, link)));
      expect((await refusal(anchorCall(link, signatures)))[0]).toBe('NotASigner');
    }
    const late = { ...link, epoch: 2 };
    expect(await refusal(anchorCall(late, await signLink(signers, late)))).toEqual(['WrongEpoch', 1, 2]);
    expect(await refusal(anchorCall(link, await signLink(signers, link)))).toEqual(['accepted']);
  });

  it('creates a log only once, with a sane set, and only by a quorum of that set', async () => {
    const log = await createLog(2, 1);
    const again = firstSet(log.logId, log.signers, 2);
    expect(await refusal(createLogCall(again, await signSet(log.signers, again)))).toEqual(['LogExists', log.logId]);
    const attempt = async (link: SignerSetLink, keys: ChainKey[]) =>
      refusal(createLogCall(link, await signSet(keys, link)));
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
    const log = await createLog(3, 2);
    const next = newKeys(2);
    const link: SignerSetLink = {
      logId: log.logId,
      epoch: 2,
      threshold: 2,
      signers: ascending([...next.map((key) => key.address)]),
      prev: log.head,
    };
    const attempt = async (set: SignerSetLink, keys: ChainKey[]) =>
      refusal(changeSignersCall(set, await signSet(keys, set)));
    expect(await attempt(link, log.signers.slice(0, 1))).toEqual(['TooFewSignatures', 2n, 1n]);
    expect((await attempt(link, next))[0]).toBe('NotASigner');
    expect(await attempt({ ...link, prev: NO_LINK }, log.signers.slice(0, 2))).toEqual([
      'BrokenLink',
      log.head,
      NO_LINK,
    ]);
    const beforeChange = linkOf(log, 9n);
    const prepared = await signLink(log.signers.slice(0, 2), beforeChange);
    gas['changeSigners to 2 of 2'] = (
      await send(changeSignersCall(link, await signSet(log.signers.slice(0, 2), link)))
    ).gasUsed;
    expect(await read(log.logId)).toMatchObject({ head: signerSetLinkHash(link), epoch: 2, threshold: 2, links: 2n });
    expect(await refusal(anchorCall(beforeChange, prepared))).toEqual(['WrongEpoch', 2, 1]);
    const after: AnchorLink = { ...beforeChange, epoch: 2, prev: signerSetLinkHash(link) };
    expect((await refusal(anchorCall(after, await signLink(log.signers.slice(0, 2), after))))[0]).toBe('NotASigner');
    await send(anchorCall(after, await signLink(next, after)));
    expect((await read(log.logId)).head).toBe(anchorLinkHash(after));
  });

  it('disables a proven equivocator for ever, and freezes a log that has no quorum left', async () => {
    const log = await createLog(3, 2);
    const [honest, liar, other] = log.signers as [ChainKey, ChainKey, ChainKey];
    const sign = async (key: ChainKey, root: Hex, size = 50n, logId = log.logId): Promise<SignedHead> => {
      const link: AnchorLink = { logId, epoch: 1, size, root, prev: random32() };
      const { signature } = await key.signAnchor(registry, link);
      return { epoch: 1, root, prev: link.prev, signature };
    };
    const prove = (a: SignedHead, b: SignedHead, size = 50n) =>
      equivocationCall({ logId: log.logId, size, heads: [a, b] });
    const [rootA, rootB] = [random32(), random32()];
    const a = await sign(liar, rootA);
    expect(await refusal(prove(a, await sign(liar, rootA)))).toEqual(['NotEquivocation']);
    expect(await refusal(prove(a, await sign(honest, rootB)))).toEqual(['NotEquivocation']);
    expect(await refusal(prove(a, await sign(liar, rootB, 51n)))).toEqual(['NotEquivocation']);
    const stranger = newKey();
    expect(await refusal(prove(await sign(stranger, rootA), await sign(stranger, rootB)))).toEqual([
      'NotASigner',
      stranger.address,
    ]);

    const receipt = await send(prove(a, await sign(liar, rootB)));
    gas.equivocation = receipt.gasUsed;
    expect(parseEventLogs({ abi: anchorRegistryAbi, logs: receipt.logs })[0]).toMatchObject({
      eventName: 'EquivocationProven',
      args: { logId: log.logId, signer: liar.address, size: 50n, rootA, rootB },
    });
    expect(await refusal(prove(a, await sign(liar, rootB)))).toEqual(['SignerDisabled', liar.address]);
    const link = linkOf(log, 7n);
    expect(await refusal(anchorCall(link, await signLink([honest, liar], link)))).toEqual([
      'SignerDisabled',
      liar.address,
    ]);
    const back: SignerSetLink = { ...firstSet(log.logId, log.signers, 1), epoch: 2, prev: log.head };
    expect(await refusal(changeSignersCall(back, await signSet([honest, other], back)))).toEqual([
      'SignerDisabled',
      liar.address,
    ]);
    await send(anchorCall(link, await signLink([honest, other], link)));
    expect(await read(log.logId)).toMatchObject({ head: anchorLinkHash(link), frozen: false });

    await send(prove(await sign(other, rootA), await sign(other, rootB)));
    expect((await read(log.logId)).frozen).toBe(true);
    const never: AnchorLink = { ...linkOf(log, 8n), prev: anchorLinkHash(link) };
    expect(await refusal(anchorCall(never, await signLink([honest, other], never)))).toEqual([
      'SignerDisabled',
      other.address,
    ]);
    const query = (functionName: 'isSigner' | 'isDisabled', key: ChainKey) =>
      client.readContract({
        abi: anchorRegistryAbi,
        address: registry.contract,
        functionName,
        args: [log.logId, key.address],
      });
    expect(await Promise.all([query('isSigner', honest), query('isSigner', liar), query('isDisabled', liar)])).toEqual([
      true,
      false,
      true,
    ]);
  });

  it('knows an equivocator that has left the set, without counting it against the new one', async () => {
    const log = await createLog(1, 1);
    const [old] = log.signers as [ChainKey];
    const fresh = newKeys(1);
    const link: SignerSetLink = { ...firstSet(log.logId, fresh, 1), epoch: 2, prev: log.head };
    await send(changeSignersCall(link, await signSet([old], link)));
    const heads = await Promise.all(
      [random32(), random32()].map(async (root) => {
        const head: AnchorLink = { logId: log.logId, epoch: 1, size: 4n, root, prev: NO_LINK };
        return { epoch: 1, root, prev: NO_LINK, signature: (await old.signAnchor(registry, head)).signature };
      }),
    );
    await send(equivocationCall({ logId: log.logId, size: 4n, heads: heads as [SignedHead, SignedHead] }));
    expect((await read(log.logId)).frozen).toBe(false);
  });

  it('verifies inclusion for every leaf of every small tree, and nothing else', async () => {
    const log = await createLog(1, 1);
    const leaves = Array.from({ length: 33 }, () => randomBytes(40));
    type Arguments = ContractFunctionArgs<typeof anchorRegistryAbi, 'view', 'verifyInclusion'>;
    const included = (...args: Arguments) =>
      client.readContract({
        abi: anchorRegistryAbi,
        address: registry.contract,
        functionName: 'verifyInclusion',
        args,
      });
    for (let size = 1; size <= leaves.length; size += 1) {
      const tree = leaves.slice(0, size);
      await anchor(log, linkOf(log, BigInt(size), hex(treeRoot(tree))));
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
    const [fields, name, version, chainId, contract] = await client.readContract({
      abi: anchorRegistryAbi,
      address: registry.contract,
      functionName: 'eip712Domain',
    });
    expect([fields, name, version, Number(chainId), contract]).toEqual([
      '0x0f',
      'Freehold AnchorRegistry',
      '1',
      registry.chainId,
      registry.contract,
    ]);
  });
});
