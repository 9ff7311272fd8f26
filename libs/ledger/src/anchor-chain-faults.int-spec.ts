import { Sequencer } from './app/sequencer.js';
import { AnchoredHeadSource } from './domain/rollback-guard.js';
import { AnchorStage, until } from './testing/anchor-stage.js';

let stage: AnchorStage;

beforeEach(async () => {
  stage = await AnchorStage.open();
});
afterEach(() => stage.close());

describe('the anchorer on a chain that fails it', () => {
  it('while the chain is down, lets writes go on and leaves one anchor to make', async () => {
    const worker = await stage.anchored(1);
    worker.anchorer.onApplicationBootstrap();
    await stage.stopChain();
    for (let at = 0; at < 5; at += 1) await worker.publish(stage.tenant);
    await until(() => worker.anchorer.status().state === 'unavailable', 'the outage is noticed');
    await expect(worker.anchorer.check()).resolves.toBeUndefined();
    expect(await worker.module.get(Sequencer).tick()).toBe(0);
    expect(worker.module.get(Sequencer).status()).toEqual({ state: 'leading' });
    await stage.startChain();
    await until(async () => (await stage.rows())[1]?.state === 'final', 'the newest checkpoint is anchored');
    expect((await stage.expectWhole(2)).map(({ size }) => size)).toEqual([1, 6]);
  });

  it('tells a wiped chain the same transactions again, contract and all, and it ends with the same head', async () => {
    const worker = await stage.anchored(12);
    const [before, raw, head] = [
      await stage.expectWhole(12),
      await stage.rawTransactions(),
      (await stage.contractLog())?.head,
    ];
    await stage.wipeChain();
    expect(await stage.contractLog()).toBeNull();
    await worker.anchorAll();
    const after = await stage.expectWhole(12);
    expect(after.map(({ tx_hash }) => tx_hash)).toEqual(before.map(({ tx_hash }) => tx_hash));
    expect(after[0]?.block_hash).not.toBe(before[0]?.block_hash);
    expect((await stage.contractLog())?.head).toBe(head);
    expect(await stage.rawTransactions()).toEqual(raw);
    await stage.anchorOne(worker);
    await stage.expectWhole(13);
  });

  it('tells a chain that was rewound what it lost, and nothing more', async () => {
    const worker = await stage.anchored(3);
    await stage.snapshotChain();
    for (let at = 0; at < 4; at += 1) {
      await stage.anchorOne(worker);
    }
    const before = await stage.expectWhole(7);
    await stage.killChain();
    await stage.startChain();
    const sent = stage.endpoint.sent;
    await worker.anchorAll();
    expect(stage.endpoint.sent - sent).toBe(4);
    const after = await stage.expectWhole(7);
    expect(after.slice(0, 3)).toEqual(before.slice(0, 3));
    expect(after.map(({ head }) => head)).toEqual(before.map(({ head }) => head));
  });

  it.each([1, 3, 6])('survives a reorganisation of %i blocks', async (depth) => {
    const worker = await stage.anchored(8);
    const before = await stage.expectWhole(8);
    await stage.node('anvil_reorg', depth, []);
    expect((await stage.contractLog())?.size).toBe(BigInt(8 - depth));
    await worker.anchorAll();
    const after = await stage.expectWhole(8);
    expect(after.slice(0, 8 - depth)).toEqual(before.slice(0, 8 - depth));
    expect(after[7]?.block_hash).not.toBe(before[7]?.block_hash);
    expect(after[7]?.tx_hash).toBe(before[7]?.tx_hash);
  });

  it('notices a block that was replaced by one with the same transactions', async () => {
    const worker = await stage.anchored(4);
    const before = await stage.expectWhole(4);
    await stage.node('anvil_reorg', 2, []);
    for (const row of before.slice(2)) {
      const raw = (await stage.rawTransactions())[row.nonce];
      await stage.node('eth_sendRawTransaction', raw);
    }
    await worker.anchorAll();
    const after = await stage.expectWhole(4);
    expect(after[3]?.block_hash).not.toBe(before[3]?.block_hash);
  });

  it('waits for the depth that the deployment asks for', async () => {
    const worker = await stage.worker({ chainFinality: { kind: 'depth', blocks: 5 } });
    await worker.openChain(stage.tenant);
    await worker.publish(stage.tenant);
    for (let at = 0; at < 3; at += 1) await worker.anchorer.tick();
    const [row] = await stage.rows();
    expect(row).toMatchObject({ state: 'sent', finality: null });
    expect(row?.block_number).not.toBeNull();
    expect(await worker.module.get(AnchoredHeadSource).anchoredHead()).toBeNull();
    await stage.node('anvil_mine', '0x3');
    await worker.anchorer.tick();
    expect((await stage.rows())[0]?.state).toBe('sent');
    expect(await worker.module.get(AnchoredHeadSource).anchoredHead()).toBeNull();
    await stage.node('anvil_mine', '0x1');
    await worker.anchorAll();
    expect(await stage.expectWhole(1)).toMatchObject([{ finality: 'depth:5', independent_trust: false }]);
    expect((await worker.module.get(AnchoredHeadSource).anchoredHead())?.size).toBe(1);
  });

  it('holds no anchor final in a block that was replaced while it waited', async () => {
    const worker = await stage.worker({ chainFinality: { kind: 'depth', blocks: 5 } });
    await worker.openChain(stage.tenant);
    await worker.publish(stage.tenant);
    for (let at = 0; at < 3; at += 1) await worker.anchorer.tick();
    const [before] = await stage.rows();
    expect(before?.block_number).not.toBeNull();
    await stage.node('anvil_reorg', 1, []);
    await stage.node('eth_sendRawTransaction', (await stage.rawTransactions())[2]);
    await stage.node('anvil_mine', '0x6');
    await worker.anchorAll();
    const [after] = await stage.expectWhole(1);
    expect(after?.block_hash).not.toBe(before?.block_hash);
  });

  it('offers more when a fee market passes its transaction by, and keeps every variant', async () => {
    const worker = await stage.anchored(1);
    const { address } = await stage.key(worker, 'anchor-account');
    await stage.node('anvil_setBalance', address, '0x21e19e0c9bab2400000');
    await stage.node('anvil_setNextBlockBaseFeePerGas', '0x3b9aca00');
    await stage.node('evm_mine');
    await stage.node('evm_setAutomine', false);
    await worker.publish(stage.tenant);
    await worker.anchorer.tick();
    await worker.anchorer.tick();
    expect(await stage.rawTransactions()).toHaveLength(4);
    await stage.sql(`BEGIN; ALTER TABLE chain_transaction DISABLE TRIGGER ALL;
      UPDATE chain_transaction SET created_at = created_at - interval '61 seconds' WHERE nonce = 3;
      ALTER TABLE chain_transaction ENABLE ALWAYS TRIGGER refuse_rewrite; COMMIT`);
    await worker.anchorer.tick();
    await worker.anchorer.tick();
    const variants = await stage.sql<{ hash: string; max_fee: string; data: string }>(
      `SELECT '0x' || encode(hash, 'hex') AS hash, max_fee, encode(data, 'hex') AS data FROM chain_transaction WHERE nonce = 3 ORDER BY variant`,
    );
    expect(variants).toHaveLength(2);
    expect(BigInt(variants[1]?.max_fee ?? 0) * 100n).toBeGreaterThan(BigInt(variants[0]?.max_fee ?? 0) * 110n);
    expect(variants[1]?.data).toBe(variants[0]?.data);
    await stage.node('evm_mine');
    await worker.anchorAll();
    const rows = await stage.expectWhole(2);
    expect(rows[1]?.tx_hash).toBe(variants[1]?.hash);
  });
});
