import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { anchorCall, ChainUnavailableError, type Hex } from '#chain';
import { Sequencer } from './app/sequencer.js';
import { AnchoringBlockedError } from './domain/anchor.errors.js';
import { AnchorStage, until } from './testing/anchor-stage.js';

let stage: AnchorStage;

beforeEach(async () => {
  stage = await AnchorStage.open();
});
afterEach(() => stage.close());

describe('the anchorer after a crash, a failover or a stranger', () => {
  it('sends after a crash what was stored before it, once', async () => {
    const worker = await stage.anchored(1);
    await worker.publish(stage.tenant);
    stage.endpoint.fault = 'refuse-sends';
    await expect(worker.anchorer.tick()).rejects.toThrow(ChainUnavailableError);
    expect((await stage.rows()).map(({ state }) => state)).toEqual(['final', 'pending']);
    const raw = await stage.rawTransactions();
    await stage.endWorkers(worker);
    stage.endpoint.fault = 'pass';
    const successor = await stage.worker();
    await stage.anchorOne(successor);
    await stage.expectWhole(3);
    expect((await stage.rawTransactions()).slice(0, raw.length)).toEqual(raw);
  });

  it('finds what was sent though every reply was lost', async () => {
    const worker = await stage.worker();
    await worker.openChain(stage.tenant);
    await worker.publish(stage.tenant);
    stage.endpoint.fault = 'lose-replies';
    await expect(worker.anchorer.tick()).rejects.toThrow(ChainUnavailableError);
    stage.endpoint.fault = 'pass';
    await worker.anchorAll();
    await stage.expectWhole(1);
  });

  it('counts an anchor that a stranger brought to the contract with our signatures', async () => {
    const worker = await stage.anchored(1);
    await worker.publish(stage.tenant);
    stage.endpoint.fault = 'refuse-sends';
    await expect(worker.anchorer.tick()).rejects.toThrow(ChainUnavailableError);
    const [call] = await stage.sql<{ recipient: Hex; data: Hex }>(
      `SELECT recipient, '0x' || encode(data, 'hex') AS data FROM chain_transaction ORDER BY nonce DESC LIMIT 1`,
    );
    await stage.sendAsStranger(call!.recipient, { data: call!.data, gas: 500_000n });
    stage.endpoint.fault = 'pass';
    await worker.anchorAll();
    const rows = await stage.rows();
    expect(rows.map(({ state }) => state)).toEqual(['final', 'final']);
    expect((await stage.contractLog())?.head).toBe(rows[1]?.head);
    await stage.anchorOne(worker);
    expect((await stage.contractLog())?.links).toBe(4n);
  });

  it('is blocked when somebody with our signers anchored another root of that size first', async () => {
    const worker = await stage.anchored(1);
    await worker.publish(stage.tenant);
    stage.endpoint.fault = 'refuse-sends';
    await expect(worker.anchorer.tick()).rejects.toThrow(ChainUnavailableError);
    const signer = await stage.key(worker, 'anchor-signer-1');
    const { contract, logId } = await stage.deployment();
    const [, ours] = await stage.rows();
    const link = { logId, epoch: 1, size: 2n, root: `0x${'ee'.repeat(32)}`, prev: ours!.prev } as const;
    const registry = { chainId: stage.chainId, contract };
    await stage.sendAsStranger(contract, anchorCall(link, [await signer.signAnchor(registry, link)]));
    stage.endpoint.fault = 'pass';
    worker.anchorer.onApplicationBootstrap();
    await until(() => worker.anchorer.status().state === 'blocked', 'the other root is noticed');
    await expect(worker.anchorer.check()).rejects.toThrow(/holds 0xeeee.* and not 0x/);
    expect((await stage.rows()).map(({ state }) => state)).toEqual(['final', 'sent']);
  });

  it('goes on after a failover that lost the newest anchor, and stops at a copy older than what is anchored', async () => {
    const worker = await stage.anchored(3);
    const before = await stage.expectWhole(3);
    await stage.endWorkers(worker);
    await stage.sql(`BEGIN; ALTER TABLE chain_transaction DISABLE TRIGGER ALL;
      UPDATE chain_deployment SET head = (SELECT prev FROM anchor WHERE size = 3);
      DELETE FROM anchor WHERE size = 3; DELETE FROM chain_transaction WHERE nonce = 4; UPDATE chain_account SET next_nonce = 4;
      ALTER TABLE chain_transaction ENABLE ALWAYS TRIGGER refuse_rewrite; COMMIT`);
    const successor = await stage.worker();
    await successor.anchorAll();
    expect(await stage.expectWhole(3)).toEqual(before);
    await stage.anchorOne(successor);
    const rows = await stage.expectWhole(4);
    expect(rows.map(({ size, nonce, state }) => [size, nonce, state])).toEqual([
      [1, 2, 'final'],
      [2, 3, 'final'],
      [3, 4, 'final'],
      [4, 5, 'final'],
    ]);
    await stage.endWorkers(successor);

    await stage.sql(`BEGIN; ALTER TABLE chain_transaction DISABLE TRIGGER ALL; ALTER TABLE ledger_checkpoint DISABLE TRIGGER ALL;
      DELETE FROM anchor WHERE size = 4; DELETE FROM chain_transaction WHERE nonce = 5; UPDATE chain_account SET next_nonce = 5;
      DELETE FROM ledger_checkpoint WHERE size = 4; COMMIT`);
    const restored = await stage.worker();
    await expect(restored.anchorer.tick()).rejects.toThrow(AnchoringBlockedError);
    await expect(restored.anchorer.tick()).rejects.toThrow(/restored from an older copy/);
  });

  it('halts the sequencer when the database is behind the anchored head, with no help from the head file', async () => {
    const worker = await stage.anchored(3);
    await stage.endWorkers(worker);
    await rm(join(stage.folder, 'ledger-head.json'));
    await stage.sql(`BEGIN; ALTER TABLE ledger_leaf DISABLE TRIGGER ALL; ALTER TABLE ledger_tile DISABLE TRIGGER ALL;
      ALTER TABLE ledger_head DISABLE TRIGGER ALL; ALTER TABLE ledger_checkpoint DISABLE TRIGGER ALL;
      DELETE FROM anchor WHERE size > 1; DELETE FROM ledger_checkpoint WHERE size > 1; DELETE FROM ledger_leaf WHERE leaf_index > 0;
      UPDATE ledger_tile SET hashes = substring(hashes FOR 32);
      UPDATE ledger_head SET size = 1, root = (SELECT root FROM ledger_checkpoint WHERE size = 1), lease_until = now();
      COMMIT`);
    const restored = await stage.worker();
    await expect(restored.module.get(Sequencer).tick()).rejects.toThrow(
      /the anchored head has 3 entries, but the database has 1/,
    );
    expect(restored.module.get(Sequencer).status().state).toBe('halted');
  });

  it('is blocked, and says why, when the contract stands elsewhere than it was led', async () => {
    const worker = await stage.anchored(2);
    await stage.sql(`UPDATE chain_deployment SET head = sha256('another')`);
    await expect(worker.anchorer.tick()).rejects.toThrow(/the head of the log in the contract/);
    await worker.publish(stage.tenant);
    worker.anchorer.onApplicationBootstrap();
    await until(() => worker.anchorer.status().state === 'blocked', 'the running anchorer is blocked');
    await expect(worker.anchorer.check()).rejects.toThrow(AnchoringBlockedError);
    expect(await stage.rows()).toHaveLength(2);
  });
});
