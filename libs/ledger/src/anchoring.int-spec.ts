import { startChainFixture } from '../../../test/support/chain-fixture.js';
import { AnchoredHeadSource } from './domain/rollback-guard.js';
import { AnchorLock } from './infra/anchor-lock.js';
import { AnchorStage, until } from './testing/anchor-stage.js';

let stage: AnchorStage;

beforeEach(async () => {
  stage = await AnchorStage.open();
});
afterEach(() => stage.close());

describe('the anchorer', () => {
  it('deploys, anchors the newest checkpoint, waits for finality, and sends nothing when nothing is new', async () => {
    const worker = await stage.worker();
    await worker.openChain(stage.tenant);
    await worker.anchorAll();
    expect(await stage.rows()).toEqual([]);
    await worker.publish(stage.tenant, 3);
    await worker.publish(stage.tenant, 4);
    await worker.anchorAll();
    const [row] = await stage.expectWhole(1);
    expect(row).toMatchObject({ size: 7, nonce: 2, finality: 'dev', independent_trust: false });
    const sent = stage.endpoint.sent;
    for (let at = 0; at < 5; at += 1) expect(await worker.anchorer.tick()).toEqual({ state: 'idle' });
    expect(stage.endpoint.sent).toBe(sent);
    await stage.anchorOne(worker);
    expect((await stage.expectWhole(2)).map(({ size }) => size)).toEqual([7, 8]);
    const head = await worker.module.get(AnchoredHeadSource).anchoredHead();
    expect(head).toEqual({ size: 8, root: Buffer.from((await stage.rows())[1]?.root.slice(2) ?? '', 'hex') });
  });

  it('makes one anchor an interval, of the newest checkpoint then', async () => {
    const worker = await stage.anchored(1, { anchorIntervalMs: 60_000 });
    await stage.anchorOne(worker);
    await stage.anchorOne(worker);
    expect((await stage.rows()).map(({ size }) => size)).toEqual([1]);
    await stage.sql(`UPDATE anchor SET created_at = created_at - interval '60 seconds'`);
    await worker.anchorAll();
    expect((await stage.rows()).map(({ size }) => size)).toEqual([1, 3]);
  });

  it('starts with the application, keeps up by itself and stops with it', async () => {
    const worker = await stage.worker({ anchorIntervalMs: 100 });
    await worker.openChain(stage.tenant);
    await worker.module.init();
    await worker.record(stage.tenant);
    await until(async () => (await stage.rows())[0]?.state === 'final', 'the first anchor is final');
    await stage.endWorkers(worker);
    expect(worker.anchorer.status()).toEqual({ state: 'stopped' });
  });

  it('makes no second anchor while one waits for a block', async () => {
    const worker = await stage.anchored(1);
    await stage.node('evm_setAutomine', false);
    await worker.publish(stage.tenant);
    await worker.anchorer.tick();
    await worker.publish(stage.tenant);
    await worker.publish(stage.tenant);
    for (let at = 0; at < 5; at += 1) expect(await worker.anchorer.tick()).toEqual({ state: 'working' });
    expect((await stage.rows()).map(({ size, state }) => [size, state])).toEqual([
      [1, 'final'],
      [2, 'sent'],
    ]);
    await stage.node('evm_setAutomine', true);
    await stage.node('evm_mine');
    await worker.anchorAll();
    expect((await stage.expectWhole(3)).map(({ size }) => size)).toEqual([1, 2, 4]);
  });

  it('lets one of several processes work, and hands over when that one ends or loses its session', async () => {
    const [first, second] = [await stage.anchored(1), await stage.worker()];
    expect(await second.anchorer.tick()).toEqual({ state: 'standby' });
    const holders = `FROM pg_locks l JOIN pg_database d ON d.oid = l.database
      WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.granted AND l.objid = 262467`;
    await stage.sql(`SELECT pg_terminate_backend(l.pid) ${holders}`);
    // The call returns before the session has ended, and until then it has the lock.
    await until(async () => (await stage.sql(`SELECT l.pid ${holders}`)).length === 0, 'the lock is free');
    const turns = await Promise.all([first.anchorer.tick(), second.anchorer.tick()]);
    expect(turns.map(({ state }) => state).sort()).toEqual(['idle', 'standby']);
    await stage.endWorkers(first);
    await second.publish(stage.tenant);
    await second.anchorAll();
    await stage.expectWhole(2);
  });

  it('stays right when the lock fails and several work at once', async () => {
    const processes = [await stage.anchored(1), await stage.worker(), await stage.worker()];
    for (const one of processes) one.module.get(AnchorLock).holds = async () => true;
    for (let round = 0; round < 6; round += 1) {
      await processes[0]?.publish(stage.tenant);
      await Promise.all(processes.map((one) => one.anchorAll()));
    }
    const rows = await stage.expectWhole(7);
    expect(rows.map(({ nonce }) => nonce)).toEqual(rows.map((_row, at) => at + 2));
  });

  it('changes the signers by their own quorum when the settings do, also back, and a wiped chain follows', async () => {
    const quorums = [
      { required: 2, total: 3 },
      { required: 1, total: 2 },
      { required: 1, total: 1 },
    ];
    await stage.endWorkers(await stage.anchored(1));
    for (const [at, anchorSigners] of quorums.entries()) {
      const worker = await stage.worker({ anchorSigners });
      await stage.anchorOne(worker);
      expect(await stage.contractLog()).toMatchObject({
        epoch: at + 2,
        threshold: anchorSigners.required,
        size: BigInt(at + 2),
      });
      await stage.endWorkers(worker);
    }
    const head = (await stage.contractLog())?.head;
    await stage.wipeChain();
    const worker = await stage.worker();
    await worker.anchorAll();
    expect((await stage.contractLog())?.head).toBe(head);
    expect((await stage.rows()).map(({ state }) => state)).toEqual(Array(4).fill('final'));
  });

  it('anchors on another chain when the endpoint leads there, and keeps what the first one holds', async () => {
    const worker = await stage.anchored(1);
    await worker.publish(stage.tenant);
    const other = await startChainFixture({ chainId: 4242 });
    try {
      const moved = await stage.worker({ chainUrl: other.chain.url });
      await stage.endWorkers(worker);
      await moved.anchorAll();
      expect((await stage.rows()).map(({ size, state }) => [size, state])).toEqual([
        [1, 'final'],
        [2, 'final'],
      ]);
      expect(await stage.sql(`SELECT chain_id::int AS id FROM chain_deployment ORDER BY id`)).toEqual([
        { id: 4242 },
        { id: 31337 },
      ]);
    } finally {
      await other.stop();
    }
  });

  it('lets no role rewrite what was signed, and the api role read only what is open', async () => {
    await stage.anchored(1);
    const as = (role: 'freehold_api' | 'freehold_system', sql: string) => stage.sql(sql, stage.database.urls[role]);
    for (const sql of [
      `UPDATE anchor SET root = sha256('x')`,
      `DELETE FROM anchor`,
      `UPDATE chain_transaction SET raw = '\\x00'`,
      `DELETE FROM chain_transaction`,
      `UPDATE chain_deployment SET contract = contract`,
      `DELETE FROM chain_account`,
    ]) {
      await expect(as('freehold_system', sql)).rejects.toThrow(/permission denied/);
      await expect(as('freehold_api', sql)).rejects.toThrow(/permission denied/);
    }
    await expect(stage.sql(`UPDATE chain_transaction SET raw = '\\x00'`)).rejects.toThrow(/append-only/);
    await expect(as('freehold_api', 'SELECT * FROM chain_transaction')).rejects.toThrow(/permission denied/);
    await expect(as('freehold_api', `UPDATE anchor SET state = 'final'`)).rejects.toThrow(/permission denied/);
    expect(await as('freehold_api', 'SELECT 1 FROM anchor')).toHaveLength(1);
  });
});
