import { AnchorChain, finalityOf, type Hex, lateAnchorCall } from '#chain';
import { Database } from '#database';
import { nodeCrypto, verifyAnchorPromise, verifyAnchorProof, verifyReceipt } from '#proof';
import { type ChainFixture, startChainFixture } from '../../../test/support/chain-fixture.js';
import { startTestApi, type TestApi } from '../../../test/support/test-api.js';
import { LogIdentity, Sequencer } from './index.js';
import { StoredAnchorDirectory } from './infra/stored-anchor-directory.js';
import { AnchorProcess } from './testing/anchor-process.js';
import { AnchorStage } from './testing/anchor-stage.js';

describe('anchor promises and proofs over HTTP', () => {
  let api: TestApi;
  let chain: ChainFixture;
  let worker: AnchorProcess;
  let acme: Awaited<ReturnType<TestApi['tenant']>>;

  beforeAll(async () => {
    api = await startTestApi();
    chain = await startChainFixture();
    worker = await AnchorProcess.open(api.database, api.settings.dataDir, {
      chainUrl: chain.chain.url,
      anchorIntervalMs: 1_000_000,
      anchorPromiseSeconds: 86_400,
    });
    acme = await api.tenant();
  });
  afterAll(async () => {
    await worker?.close();
    await chain?.stop();
    await api?.close();
  });

  const open = (path: string) => api.caller(null)('GET', path);

  async function createVpc(query = ''): Promise<string> {
    const reply = await acme.call('POST', `/v1/vpcs${query}`, { cidrBlock: '10.0.0.0/16' });
    expect(reply.status).toBe(201);
    await worker.module.get(Sequencer).tick();
    return reply.body.ledgerEntryId;
  }

  const receiptOf = async (id: string) => (await acme.call('GET', `/v1/ledger/entries/${id}/receipt`)).body;
  const verify = (receipt: unknown, options: object = {}) =>
    verifyReceipt(Buffer.from(JSON.stringify(receipt)), { crypto: nodeCrypto, ...options });

  it('anchors the first head at once, and gives its receipt a proof of the block', async () => {
    const id = await createVpc();
    await worker.anchorAll();
    const receipt = await receiptOf(id);
    expect(receipt.anchorPromise).toBeNull();
    expect(receipt.anchorProof).toMatchObject({ size: receipt.anchor.size, blockHash: receipt.anchor.blockHash });
    const verified = await verify(receipt, { anchorBlock: receipt.anchor.blockHash, requireAnchor: true });
    expect(verified.steps.filter(({ ok }) => !ok)).toEqual([]);
    expect(verified.steps.find(({ step }) => step === 'anchor')?.detail).toContain(
      "that block's hash is the expected one",
    );
    const wrong = await verify(receipt, { anchorBlock: `0x${'00'.repeat(32)}` });
    expect(wrong.firstBad).toMatchObject({ step: 'anchor' });
  });

  it('serves the proof of an anchor to anybody, and says when there is none', async () => {
    const { body: page } = await open('/v1/ledger/anchors?limit=1');
    const [anchor] = page.items;
    expect(anchor).toMatchObject({ proven: true, proofRefusal: null });
    const { status, body: proof } = await open(`/v1/ledger/anchors/${anchor.id}/proof`);
    expect(status).toBe(200);
    expect(await verifyAnchorProof(proof, { blockHash: anchor.blockHash })).toMatchObject({
      pinned: ['block'],
      knownCode: true,
    });
    expect((await open('/v1/ledger/anchors/anc-00000000000000000/proof')).status).toBe(404);
  });

  it('promises what is published and not anchored yet: in the receipt, and to anybody', async () => {
    const id = await createVpc();
    await worker.anchorAll();
    const receipt = await receiptOf(id);
    expect(receipt.anchor).toBeNull();
    const { origin } = worker.module.get(LogIdentity);
    const promise = verifyAnchorPromise(receipt.anchorPromise, { origin });
    expect(promise.deadline - Date.now() / 1000).toBeGreaterThan(86_000);
    const verified = await verify(receipt);
    expect(verified.ok).toBe(true);
    expect(verified.steps.find(({ step }) => step === 'anchor')).toMatchObject({
      open: true,
      detail: expect.stringContaining('promises an anchor'),
    });
    expect((await open(`/v1/ledger/anchor-promise?index=${receipt.index}`)).body).toEqual(receipt.anchorPromise);
    expect((await open(`/v1/ledger/anchor-promise?index=${promise.size}`)).status).toBe(404);
    expect((await open('/v1/ledger/anchor-promise?index=-1')).status).toBe(400);
    // The contract takes the promise for what it is: one that is not due yet.
    const anchors = new AnchorChain({ url: chain.chain.url, finality: finalityOf({ kind: 'dev' }) });
    const call = lateAnchorCall({
      logId: promise.logId as Hex,
      size: BigInt(promise.size),
      root: `0x${promise.root}`,
      deadline: BigInt(promise.deadline),
      signature: promise.signature as Hex,
    });
    expect(await anchors.simulate(promise.contract as Hex, call)).toBe('PromiseNotDue');
  });

  it('anchors at once what asked for it, long before the interval is over, and forgets the promise', async () => {
    const id = await createVpc('?anchor=immediate');
    await worker.anchorAll();
    const receipt = await receiptOf(id);
    expect(receipt).toMatchObject({ anchor: { size: expect.any(Number) }, anchorPromise: null });
    expect((await open(`/v1/ledger/anchor-promise?index=${receipt.index}`)).status).toBe(404);
    // It is served: the next entry waits for its turn again.
    const next = await createVpc();
    await worker.anchorAll();
    expect((await receiptOf(next)).anchor).toBeNull();
  });

  it('takes anchor on changes alone, and in one word', async () => {
    const wrong = await acme.call('POST', '/v1/vpcs?anchor=now', { cidrBlock: '10.0.0.0/16' });
    expect(wrong).toMatchObject({ status: 400, body: { errors: [{ pointer: '/query/anchor' }] } });
    const read = await acme.call('GET', '/v1/vpcs?anchor=immediate');
    expect(read).toMatchObject({
      status: 400,
      body: { errors: [{ rule: 'anchor.changes-only', fix: 'remove anchor' }] },
    });
    const before = (await open('/v1/ledger/anchors')).body.items.length;
    const dry = await acme.call('POST', '/v1/vpcs?anchor=immediate&dryRun=true', { cidrBlock: '10.0.0.0/16' });
    expect(dry.status).toBe(200);
    await worker.anchorAll();
    expect((await open('/v1/ledger/anchors')).body.items).toHaveLength(before);
  });

  it('makes no more anchors than the operator allows, however many are asked for at once', async () => {
    acme = await api.tenant();
    await worker.close();
    worker = await AnchorProcess.open(api.database, api.settings.dataDir, {
      chainUrl: chain.chain.url,
      anchorIntervalMs: 1_000_000,
      anchorImmediateIntervalMs: 600_000,
      anchorPromiseSeconds: 86_400,
    });
    const before = (await open('/v1/ledger/anchors')).body.items.length;
    for (let at = 0; at < 5; at += 1) {
      await createVpc('?anchor=immediate');
      await worker.anchorAll();
    }
    expect((await open('/v1/ledger/anchors')).body.items).toHaveLength(before);
  });
});

describe('what the anchorer promises and proves', () => {
  let stage: AnchorStage;

  beforeEach(async () => {
    stage = await AnchorStage.open();
  });
  afterEach(() => stage.close());

  const promises = () =>
    stage.sql<{ size: number; deadline: number }>(
      'SELECT size::int, deadline::float8 AS deadline FROM anchor_promise ORDER BY size',
    );
  const proofs = () =>
    stage.sql<{ size: number; block_hash: Hex; refusal: string | null }>(
      `SELECT a.size::int, '0x' || encode(p.block_hash, 'hex') AS block_hash, p.refusal
         FROM anchor_proof p JOIN anchor a ON a.id = p.anchor_id ORDER BY a.size`,
    );

  it('goes on promising while the chain is down, and keeps all of it with one anchor', async () => {
    const worker = await stage.anchored(1);
    await stage.stopChain();
    for (let at = 0; at < 3; at += 1) {
      await worker.publish(stage.tenant);
      await expect(worker.anchorer.tick()).rejects.toThrow();
    }
    expect((await promises()).map(({ size }) => size)).toEqual([2, 3, 4]);
    await stage.startChain();
    await worker.anchorAll();
    expect((await stage.expectWhole(2)).map(({ size }) => size)).toEqual([1, 4]);
    expect(await promises()).toEqual([]);
  });

  it('promises nothing for a chain that this process has not seen, nor when it is told to promise nothing', async () => {
    const worker = await stage.anchored(1);
    await stage.endWorkers(worker);
    await stage.stopChain();
    const blind = await stage.worker();
    await blind.publish(stage.tenant);
    await expect(blind.anchorer.tick()).rejects.toThrow();
    expect(await promises()).toEqual([]);
    await stage.endWorkers(blind);
    await stage.startChain();
    const silent = await stage.worker({ anchorPromiseSeconds: 0, anchorIntervalMs: 1_000_000 });
    await silent.publish(stage.tenant);
    await silent.anchorAll();
    expect(await promises()).toEqual([]);
  });

  it('refuses to start with promises that its own interval would break', async () => {
    await expect(stage.worker({ anchorPromiseSeconds: 10, anchorIntervalMs: 6_000 })).rejects.toThrow(
      'FREEHOLD_ANCHOR_PROMISE_SECONDS must be at least twice the interval',
    );
  });

  it.each([
    ['another root', `UPDATE ledger_checkpoint SET root = sha256('x') WHERE size = 2`, 'its note signs'],
    [
      'a note of nobody',
      `UPDATE ledger_checkpoint SET note = replace(note, '— ', '— x') WHERE size = 2`,
      'is not signed by the log',
    ],
    [
      'a head that the log never had',
      `INSERT INTO ledger_checkpoint (size, root, note, epoch) SELECT 9, root, note, epoch FROM ledger_checkpoint WHERE size = 2`,
      'its note signs',
    ],
    [
      'tiles that were changed',
      `UPDATE ledger_tile SET hashes = set_byte(hashes, 40, 255 - get_byte(hashes, 40))`,
      'has not the root of the stored tiles',
    ],
  ])('neither promises nor anchors %s', async (_what, tampering, reason) => {
    const worker = await stage.anchored(1);
    await worker.publish(stage.tenant);
    await stage.sql(`BEGIN; ALTER TABLE ledger_checkpoint DISABLE TRIGGER ALL; ALTER TABLE ledger_tile DISABLE TRIGGER ALL;
      ${tampering}; ALTER TABLE ledger_checkpoint ENABLE ALWAYS TRIGGER refuse_rewrite;
      ALTER TABLE ledger_tile ENABLE ALWAYS TRIGGER only_grows; COMMIT`);
    await expect(worker.anchorer.tick()).rejects.toThrow(reason);
    await expect(worker.anchorer.check()).rejects.toThrow(reason);
    expect(await promises()).toEqual([]);
    expect(await stage.rows()).toHaveLength(1);
  });

  it('proves an anchor anew when its block was replaced, and every anchor of a wiped chain', async () => {
    const worker = await stage.anchored(4);
    const before = await proofs();
    expect(before.map(({ refusal }) => refusal)).toEqual([null, null, null, null]);
    await stage.node('anvil_reorg', 2, []);
    await worker.anchorAll();
    const after = await proofs();
    expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
    const rows = await stage.expectWhole(4);
    expect(after.map(({ block_hash }) => block_hash)).toEqual(rows.map(({ block_hash }) => block_hash));
    await stage.wipeChain();
    await worker.anchorAll();
    const wiped = await stage.expectWhole(4);
    expect((await proofs()).map(({ block_hash }) => block_hash)).toEqual(wiped.map(({ block_hash }) => block_hash));
    expect((await proofs()).map(({ refusal }) => refusal)).toEqual([null, null, null, null]);
  });

  it('serves no proof of a block that was replaced meanwhile', async () => {
    const worker = await stage.anchored(2);
    await stage.sql(`UPDATE anchor_proof SET block_hash = sha256('another')`);
    const directory = new StoredAnchorDirectory(worker.module.get(Database));
    const anchors = await directory.upTo(99, 10);
    expect(anchors).toHaveLength(2);
    expect(await directory.proofsOf(anchors)).toEqual([null, null]);
    await worker.anchorAll();
    expect((await directory.proofsOf(anchors)).every((proof) => proof !== null)).toBe(true);
  });

  it('anchors where the node serves no proofs, and says why there is none', async () => {
    stage.endpoint.fault = 'no-proofs';
    const worker = await stage.anchored(2);
    await stage.expectWhole(2);
    expect((await proofs()).map(({ refusal }) => refusal)).toEqual(['not-served', 'not-served']);
    const sent = await worker.anchorer.tick();
    expect(sent).toEqual({ state: 'idle' });
  });
});
