import type { Hex } from '#chain';
import { Database } from '#database';
import { StoredAnchorDirectory } from './infra/stored-anchor-directory.js';
import type { AnchorProcess } from './testing/anchor-process.js';
import { AnchorStage } from './testing/anchor-stage.js';

let stage: AnchorStage;

beforeEach(async () => {
  stage = await AnchorStage.open();
});
afterEach(() => stage.close());

const finalizedNumber = async () =>
  Number((await stage.node<{ number: Hex }>('eth_getBlockByNumber', 'finalized', false)).number);

async function ticks(worker: AnchorProcess, count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) await worker.anchorer.tick();
}

describe('when an anchor is final', () => {
  it('waits for the tag by which the chain itself calls a block final', async () => {
    const worker = await stage.worker({ chainFinality: { kind: 'finalized' } });
    await worker.openChain(stage.tenant);
    await worker.publish(stage.tenant);
    await ticks(worker, 3);
    const [row] = await stage.rows();
    expect(row).toMatchObject({ state: 'sent', finality: null });
    while ((await finalizedNumber()) < row!.block_number! - 1) await stage.node('evm_mine');
    await ticks(worker, 2);
    expect((await stage.rows())[0]?.state).toBe('sent');
    while ((await finalizedNumber()) < row!.block_number!) await stage.node('evm_mine');
    await worker.anchorAll();
    expect(await stage.expectWhole(1)).toMatchObject([{ finality: 'finalized', independent_trust: false }]);
  });

  it('is its own block where the kind of chain has no other, and a development node is believed nothing', async () => {
    const worker = await stage.worker({ chainFinality: { kind: 'qbft' } });
    await worker.openChain(stage.tenant);
    await worker.publish(stage.tenant);
    await worker.anchorAll();
    expect(await stage.expectWhole(1)).toMatchObject([{ finality: 'qbft', independent_trust: false }]);
  });

  it('is taken back, with the receipt that was built on it, when the chain replaced the block after all', async () => {
    const worker = await stage.anchored(3);
    const directory = new StoredAnchorDirectory(worker.module.get(Database));
    const before = await directory.covering(2);
    expect(before).toMatchObject({ size: 3 });
    await stage.node('evm_setAutomine', false);
    await stage.node('anvil_reorg', 1, []);
    await worker.anchorer.tick();
    // Sent again, in no block: nobody is told that it is anchored.
    expect((await stage.rows()).map(({ state }) => state)).toEqual(['final', 'final', 'sent']);
    expect(await directory.covering(2)).toBeNull();
    expect(await directory.promiseCovering(2)).toMatchObject({ size: 3 });
    await stage.node('evm_setAutomine', true);
    await stage.node('evm_mine');
    await worker.anchorAll();
    const after = await directory.covering(2);
    expect(after).toMatchObject({ size: 3, txHash: before?.txHash });
    expect(after?.blockHash).not.toBe(before?.blockHash);
    const [proof] = await directory.proofsOf([after!]);
    expect(proof?.blockHash).toBe(after?.blockHash);
  });
});

describe('what a pool of transactions may do', () => {
  /** A fee market, in which nothing is mined until it is told to. */
  async function stuckInAMarket(): Promise<AnchorProcess> {
    const worker = await stage.anchored(1);
    const { address } = await stage.key(worker, 'anchor-account');
    await stage.node('anvil_setBalance', address, '0x21e19e0c9bab2400000');
    await stage.node('anvil_setNextBlockBaseFeePerGas', '0x3b9aca00');
    await stage.node('evm_mine');
    await stage.node('evm_setAutomine', false);
    await worker.publish(stage.tenant);
    await worker.anchorer.tick();
    for (let variant = 0; variant < 2; variant += 1) {
      await stage.sql(`BEGIN; ALTER TABLE chain_transaction DISABLE TRIGGER ALL;
        UPDATE chain_transaction SET created_at = created_at - interval '61 seconds' WHERE nonce = 3;
        ALTER TABLE chain_transaction ENABLE ALWAYS TRIGGER refuse_rewrite; COMMIT`);
      await worker.anchorer.tick();
    }
    return worker;
  }

  const variants = () =>
    stage.sql<{ raw: Hex; hash: Hex; data: string; max_fee: string }>(
      `SELECT '0x' || encode(raw, 'hex') AS raw, '0x' || encode(hash, 'hex') AS hash, encode(data, 'hex') AS data, max_fee
         FROM chain_transaction WHERE nonce = 3 ORDER BY variant`,
    );

  it.each([0, 1, 2])(
    'mine variant %i of three that differ in their fee: it is the one that the receipt names',
    async (which) => {
      const worker = await stuckInAMarket();
      const all = await variants();
      expect(all).toHaveLength(3);
      expect(new Set(all.map(({ data }) => data)).size).toBe(1);
      for (const at of [1, 2]) {
        expect(BigInt(all[at]!.max_fee) * 100n).toBeGreaterThan(BigInt(all[at - 1]!.max_fee) * 110n);
      }
      await stage.node('anvil_dropAllTransactions');
      await stage.node('eth_sendRawTransaction', all[which]!.raw);
      await stage.node('evm_mine');
      await worker.anchorAll();
      expect((await stage.expectWhole(2))[1]?.tx_hash).toBe(all[which]!.hash);
    },
  );

  it('lose one transaction among many: the gap is filled, in the order of nonces', async () => {
    await stage.node('evm_setAutomine', false);
    const worker = await stage.worker();
    await worker.openChain(stage.tenant);
    await worker.publish(stage.tenant);
    await worker.anchorer.tick();
    const hashes = (
      await stage.sql<{ hash: Hex }>(`SELECT '0x' || encode(hash, 'hex') AS hash FROM chain_transaction ORDER BY nonce`)
    ).map(({ hash }) => hash);
    expect(hashes).toHaveLength(2);
    await stage.node('anvil_dropTransaction', hashes[0]);
    await stage.node('evm_mine');
    // What is behind the gap waits; a process that starts now gives the node what is missing.
    await stage.endWorkers(worker);
    const successor = await stage.worker();
    await stage.node('evm_setAutomine', true);
    await successor.anchorAll();
    await stage.expectWhole(1);
  });

  it('forget all of it, again and again: what is stored is sent again', async () => {
    const worker = await stage.anchored(1);
    await stage.node('evm_setAutomine', false);
    await worker.publish(stage.tenant);
    await worker.anchorer.tick();
    let current = worker;
    for (let round = 0; round < 3; round += 1) {
      await stage.node('anvil_dropAllTransactions');
      await stage.endWorkers(current);
      current = await stage.worker();
      expect(await current.anchorer.tick()).toEqual({ state: 'working' });
    }
    await stage.node('evm_setAutomine', true);
    await stage.node('evm_mine');
    await current.anchorAll();
    await stage.expectWhole(2);
    expect(await stage.rawTransactions()).toHaveLength(4);
  });
});
