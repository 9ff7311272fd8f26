import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { rootSlot, verifyAnchorProof } from '#proof';
import { type ChainFixture, nodeRequest, startChainFixture } from '../../../test/support/chain-fixture.js';
import { AnchorChain } from './anchor-chain.js';
import { ChainUnavailableError } from './chain.errors.js';
import { finalityOf } from './finality.js';
import { anchorCall } from './registry-calls.js';
import { anchorLinkHash, type Hex } from './registry-links.js';
import { linkOf, RegistryStage, random32, type TestLog } from './testing/registry-stage.js';

/** The proof as the anchorer makes it, of an anchor in the newest block. */
async function proofOf(chain: AnchorChain, stage: RegistryStage, log: TestLog, size: number, root: Hex) {
  const block = await chain.latestBlock();
  const made = await chain.proveSlot(stage.registry.contract, rootSlot(log.logId, size) as Hex, block);
  if (typeof made === 'string') throw new Error(made);
  return {
    v: 1 as const,
    chainId: stage.registry.chainId,
    contract: stage.registry.contract.toLowerCase(),
    logId: log.logId,
    size,
    root: root.slice(2),
    blockNumber: Number(block.number),
    blockHash: block.hash,
    ...made,
  };
}

describe('anchor proofs of a real node', () => {
  let fixture: ChainFixture;
  let stage: RegistryStage;
  let chain: AnchorChain;
  const servers: Server[] = [];

  beforeAll(async () => {
    fixture = await startChainFixture();
    stage = await RegistryStage.on(fixture);
    chain = new AnchorChain({ url: fixture.chain.url, finality: finalityOf({ kind: 'dev' }) });
  });
  afterAll(async () => {
    for (const server of servers) server.close();
    await stage.close();
  });

  async function anchored(): Promise<{ log: TestLog; size: number; root: Hex }> {
    const log = await stage.createLog(1, 1);
    const root = random32();
    await stage.anchor(log, linkOf(log, 5n));
    await stage.anchor(log, linkOf(log, 11n, root));
    return { log, size: 11, root };
  }

  it('verify offline against the block, with the code of this registry', async () => {
    const { log, size, root } = await anchored();
    const proof = await proofOf(chain, stage, log, size, root);
    expect(await verifyAnchorProof(proof, { blockHash: proof.blockHash })).toMatchObject({
      pinned: ['block'],
      knownCode: true,
    });
    for (const change of [{ size: 5 }, { root: random32().slice(2) }, { logId: random32() }]) {
      await expect(verifyAnchorProof({ ...proof, ...change })).rejects.toThrow(/root|lead/);
    }
    const none = await chain.proveSlot(
      stage.registry.contract,
      rootSlot(log.logId, 6) as Hex,
      await chain.latestBlock(),
    );
    await expect(verifyAnchorProof({ ...proof, ...(none as object), size: 6 })).rejects.toThrow('holds no root for 6');
  });

  it('stay what they are when further blocks come, and are of the past', async () => {
    const { log, size, root } = await anchored();
    const block = await chain.latestBlock();
    const first = await chain.proveSlot(stage.registry.contract, rootSlot(log.logId, size) as Hex, block);
    await stage.anchor(log, linkOf(log, 12n));
    const later = await chain.proveSlot(stage.registry.contract, rootSlot(log.logId, size) as Hex, block);
    expect(later).toEqual(first);
    expect(root).toMatch(/^0x/);
  });

  it('agree with the header after the chain was recycled from a snapshot and after a reorganisation', async () => {
    const { log, size, root } = await anchored();
    const before = await proofOf(chain, stage, log, size, root);
    await fixture.chain.recycle();
    expect(await verifyAnchorProof(before, { blockHash: before.blockHash })).toMatchObject({ knownCode: true });
    const link = linkOf(log, 20n);
    await stage.send(anchorCall(link, await stage.signLink(log.signers, link)));
    log.head = anchorLinkHash(link);
    const recycled = await proofOf(chain, stage, log, 20, link.root);
    expect((await verifyAnchorProof(recycled, { blockHash: recycled.blockHash })).pinned).toEqual(['block']);
    const old = await proofOf(chain, stage, log, size, root);
    expect((await verifyAnchorProof(old, { blockHash: old.blockHash })).pinned).toEqual(['block']);
    // The state of a block from before the snapshot is gone: none is given rather than a wrong one.
    const gone = await chain.proveSlot(stage.registry.contract, rootSlot(log.logId, size) as Hex, {
      number: BigInt(before.blockNumber),
      hash: before.blockHash,
    });
    if (typeof gone !== 'string') await verifyAnchorProof({ ...before, ...gone }, { blockHash: before.blockHash });

    await nodeRequest(fixture.chain.url, 'anvil_reorg', [1, []]);
    const lost = await chain.proveSlot(stage.registry.contract, rootSlot(log.logId, 20) as Hex, {
      number: BigInt(recycled.blockNumber),
      hash: recycled.blockHash,
    });
    expect(lost).toBe('state-gone');
    const newest = await proofOf(chain, stage, log, size, root);
    expect((await verifyAnchorProof(newest, { blockHash: newest.blockHash })).pinned).toEqual(['block']);
  });

  /** The node, but for one method. */
  function without(
    method: string,
    answer: object | null,
    change: (block: Record<string, unknown>) => object = (b) => b,
  ) {
    const server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', async () => {
        const body = JSON.parse(Buffer.concat(parts).toString()) as { id: number; method: string }[];
        const replies = await Promise.all(
          body.map(async (one) => {
            if (one.method === method && answer) return { jsonrpc: '2.0', id: one.id, ...answer };
            const reply = await fetch(fixture.chain.url, {
              method: 'POST',
              headers: { 'content-type': 'application/json' },
              body: JSON.stringify(one),
            });
            const json = (await reply.json()) as { result: Record<string, unknown> };
            return one.method === method ? { ...json, result: change(json.result) } : json;
          }),
        );
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(replies));
      });
    });
    servers.push(server);
    return new Promise<AnchorChain>((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
        resolve(new AnchorChain({ url, finality: finalityOf({ kind: 'dev' }) }));
      });
    });
  }

  it.each([
    ['not-served', { error: { code: -32601, message: 'the method eth_getProof does not exist/is not available' } }],
    ['not-served', { error: { code: -32004, message: 'Method not supported' } }],
    ['state-gone', { error: { code: -32000, message: 'missing trie node 7e92f4' } }],
    ['state-gone', { error: { code: -32000, message: 'World state unavailable' } }],
  ])('are not given by a node that answers %s (%j)', async (refusal, answer) => {
    const poorer = await without('eth_getProof', answer);
    const block = await chain.latestBlock();
    expect(await poorer.proveSlot(stage.registry.contract, random32(), block)).toBe(refusal);
  });

  it('are asked for again when the node asks for patience', async () => {
    const busy = await without('eth_getProof', { error: { code: -32005, message: 'too many requests' } });
    const block = await chain.latestBlock();
    await expect(busy.proveSlot(stage.registry.contract, random32(), block)).rejects.toThrow(ChainUnavailableError);
  });

  it('are not made of a header that is not the one of the block hash', async () => {
    const block = await chain.latestBlock();
    for (const change of [{ gasUsed: '0x1' }, { extraData: null }, { slotNumber: '0x1', requestsHash: undefined }]) {
      const odd = await without('eth_getBlockByHash', null, (header) => ({ ...header, ...change }));
      expect(await odd.proveSlot(stage.registry.contract, random32(), block)).toBe('header-unknown');
    }
  });
});
