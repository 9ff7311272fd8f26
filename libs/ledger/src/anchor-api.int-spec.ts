import { nodeCrypto, parseAnchorRecord, verifyBundle, verifyReceipt } from '#proof';
import { type ChainFixture, startChainFixture } from '../../../test/support/chain-fixture.js';
import { startTestApi, type TestApi } from '../../../test/support/test-api.js';
import { Sequencer } from './index.js';
import { AnchorProcess } from './testing/anchor-process.js';

let api: TestApi;
let chain: ChainFixture;
let worker: AnchorProcess;
let acme: Awaited<ReturnType<TestApi['tenant']>>;

beforeAll(async () => {
  api = await startTestApi();
  chain = await startChainFixture();
  worker = await AnchorProcess.open(api.database, api.settings.dataDir, { chainUrl: chain.chain.url });
  acme = await api.tenant();
});
afterAll(async () => {
  await worker?.close();
  await chain?.stop();
  await api?.close();
});

async function createVpc(): Promise<string> {
  const reply = await acme.call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' });
  expect(reply.status).toBe(201);
  return reply.body.ledgerEntryId;
}

const anonymous = () => api.caller(null);

describe('anchors over HTTP', () => {
  it('has none before the first, and says that an entry is not anchored', async () => {
    expect((await anonymous()('GET', '/v1/ledger/anchors')).body).toEqual({ items: [], nextCursor: null });
    const entryId = await createVpc();
    await worker.module.get(Sequencer).tick();
    const { body: entry } = await acme.call('GET', `/v1/ledger/entries/${entryId}`);
    expect([entry.state, entry.anchor]).toEqual(['published', null]);
    const { body: receipt } = await acme.call('GET', `/v1/ledger/entries/${entryId}/receipt`);
    expect(receipt.anchor).toBeNull();
    await worker.anchorAll();
    expect((await acme.call('GET', `/v1/ledger/entries/${entryId}`)).body.state).toBe('anchored');
  });

  it('lists them with a cursor, in either order and by state, to anybody', async () => {
    for (let at = 0; at < 3; at += 1) {
      await createVpc();
      await worker.module.get(Sequencer).tick();
      await worker.anchorAll();
    }
    const sizes: number[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const { status, body } = await anonymous()('GET', `/v1/ledger/anchors?limit=2${query}`);
      expect(status).toBe(200);
      sizes.push(...body.items.map((anchor: { size: number }) => anchor.size));
      cursor = body.nextCursor;
    }
    expect(sizes).toHaveLength(4);
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
    const newest = await anonymous()('GET', '/v1/ledger/anchors?order=newest-first&limit=1&state=final');
    expect(newest.body.items).toMatchObject([
      { size: sizes.at(-1), state: 'final', finality: 'dev', independentTrust: false },
    ]);
    const next = await anonymous()(
      'GET',
      `/v1/ledger/anchors?order=newest-first&limit=1&cursor=${newest.body.nextCursor}`,
    );
    expect(next.body.items[0].size).toBe(sizes.at(-2));
    expect((await anonymous()('GET', '/v1/ledger/anchors?state=pending')).body.items).toEqual([]);
  });

  it('shows one, with everything that finds it on the chain', async () => {
    const { body: page } = await anonymous()('GET', '/v1/ledger/anchors?order=newest-first&limit=2');
    const [anchor, before] = page.items;
    const { status, body } = await anonymous()('GET', `/v1/ledger/anchors/${anchor.id}`);
    expect(status).toBe(200);
    expect(body).toEqual(anchor);
    expect(anchor.prev).toBe(before.head);
    const { chainId, contract, txHash, blockNumber, blockHash, size, root, finality, independentTrust } = body;
    const record = { chainId, contract, txHash, blockNumber, blockHash, size, root, finality, independentTrust };
    expect(parseAnchorRecord(record)).toEqual(record);
    expect((await anonymous()('GET', '/v1/ledger/anchors/anc-00000000000000000')).status).toBe(404);
    expect((await anonymous()('GET', '/v1/ledger/anchors/anc-1')).status).toBe(400);
    expect((await anonymous()('GET', '/v1/ledger/anchors?state=lost')).status).toBe(400);
    expect((await anonymous()('GET', '/v1/ledger/anchors?size=1')).status).toBe(400);
    expect((await anonymous()('GET', '/v1/ledger/anchors?cursor=x')).status).toBe(400);
  });

  it('puts the smallest anchor that covers an entry into its receipt, and verifies it offline', async () => {
    const { body: list } = await anonymous()('GET', '/v1/ledger/anchors');
    const { body: entries } = await acme.call('GET', '/v1/ledger/entries');
    const { body: log } = await anonymous()('GET', '/v1/log');
    for (const { id, index } of entries.items) {
      const { body: receipt } = await acme.call('GET', `/v1/ledger/entries/${id}/receipt`);
      const covering = list.items.find((anchor: { size: number }) => anchor.size > index);
      expect(receipt.anchor).toMatchObject({ size: covering.size, txHash: covering.txHash });
      const verified = await verifyReceipt(Buffer.from(JSON.stringify(receipt)), {
        crypto: nodeCrypto,
        log: log.vkey,
        requireAnchor: true,
      });
      expect(verified.steps.filter(({ ok }) => !ok)).toEqual([]);
      expect(verified).toMatchObject({ ok: true, anchored: true, independentTrust: false });
    }
  });

  it('ends a bundle at the newest anchor when asked, and the bundle verifies', async () => {
    await createVpc();
    await worker.module.get(Sequencer).tick();
    const reply = await fetch(`${api.url}/v1/ledger/bundle?upTo=anchored`, {
      headers: { authorization: `Bearer ${acme.apiKey}` },
    });
    const verified = await verifyBundle([new Uint8Array(await reply.arrayBuffer())], { crypto: nodeCrypto });
    expect(verified).toMatchObject({ ok: true, anchored: true });
  });
});
