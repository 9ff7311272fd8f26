import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { AnchorChain, type AnchoredLog, ChainKey, ChainUnavailableError, finalityOf, type Hex } from '#chain';
import { newId, type TenantId } from '#kernel';
import { ServiceKeys } from '#keyring';
import { type ChainFixture, nodeRequest, startChainFixture } from '../../../test/support/chain-fixture.js';
import { createTestDatabase, type TestDatabase } from '../../../test/support/embedded-database.js';
import { Sequencer } from './app/sequencer.js';
import { AnchoringBlockedError } from './domain/anchor.errors.js';
import { AnchoredHeadSource } from './domain/rollback-guard.js';
import { AnchorLock } from './infra/anchor-lock.js';
import { AnchorProcess } from './testing/anchor-process.js';
import { FaultyAnchorEndpoint } from './testing/faulty-anchor-endpoint.js';

interface AnchorRow {
  size: number;
  root: Hex;
  prev: Hex;
  head: Hex;
  nonce: number;
  state: string;
  tx_hash: Hex;
  block_number: number | null;
  block_hash: Hex | null;
  finality: string | null;
  independent_trust: boolean | null;
}

let database: TestDatabase;
let folder: string;
let fixture: ChainFixture;
let endpoint: FaultyAnchorEndpoint;
let tenant: TenantId;
const open: AnchorProcess[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'freehold-anchoring-'));
  fixture = await startChainFixture();
  endpoint = await FaultyAnchorEndpoint.open(fixture.chain.url);
  tenant = newId('tenant');
});

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  endpoint.close();
  await fixture.stop();
  await rm(folder, { recursive: true, force: true });
});

async function worker(options: Partial<Parameters<typeof AnchorProcess.open>[2]> = {}): Promise<AnchorProcess> {
  const started = await AnchorProcess.open(database, folder, { chainUrl: endpoint.url, ...options });
  open.push(started);
  return started;
}

/** A worker with a tenant's chain and `anchors` anchors of one entry each. */
async function anchored(anchors: number, options: Parameters<typeof worker>[0] = {}): Promise<AnchorProcess> {
  const first = await worker(options);
  await first.openChain(tenant);
  for (let at = 0; at < anchors; at += 1) {
    await first.publish(tenant);
    await first.anchorAll();
  }
  return first;
}

async function admin<Row extends pg.QueryResultRow>(sql: string, url = database.adminUrl): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

const anchorRows = () =>
  admin<AnchorRow>(`SELECT size::int, '0x' || encode(root, 'hex') AS root, '0x' || encode(prev, 'hex') AS prev,
    '0x' || encode(head, 'hex') AS head, nonce::int, state, '0x' || encode(tx_hash, 'hex') AS tx_hash, block_number::int,
    '0x' || encode(block_hash, 'hex') AS block_hash, finality, independent_trust FROM anchor ORDER BY size`);

const rawTransactions = async () =>
  (await admin<{ raw: string }>(`SELECT encode(raw, 'hex') AS raw FROM chain_transaction ORDER BY nonce, variant`)).map(
    ({ raw }) => raw,
  );

async function contractLog(): Promise<AnchoredLog | null> {
  const [deployment] = await admin<{ contract: Hex; log_id: Hex }>(
    `SELECT contract, '0x' || encode(log_id, 'hex') AS log_id FROM chain_deployment ORDER BY id DESC LIMIT 1`,
  );
  const chain = new AnchorChain({ url: fixture.chain.url, finality: finalityOf({ kind: 'dev' }) });
  return deployment ? chain.readLog(deployment.contract, deployment.log_id) : null;
}

/** Every anchor is final, linked to the one before, and in the block that it names; the contract stands at the last one. */
async function expectWhole(count: number): Promise<AnchorRow[]> {
  const rows = await anchorRows();
  expect(rows.map(({ state }) => state)).toEqual(Array(count).fill('final'));
  for (const [at, row] of rows.entries()) {
    if (at > 0) expect(row.prev).toBe(rows[at - 1]?.head);
    const receipt = await nodeRequest<{ blockHash: string; status: string } | null>(
      fixture.chain.url,
      'eth_getTransactionReceipt',
      [row.tx_hash],
    );
    expect(receipt).toMatchObject({ blockHash: row.block_hash, status: '0x1' });
  }
  const log = await contractLog();
  expect(log).toMatchObject({ head: rows.at(-1)?.head, root: rows.at(-1)?.root, size: BigInt(rows.at(-1)?.size ?? 0) });
  return rows;
}

describe('the anchorer', () => {
  it('deploys, anchors the newest checkpoint, waits for finality, and sends nothing when nothing is new', async () => {
    const process = await worker();
    await process.openChain(tenant);
    await process.anchorAll();
    expect(await anchorRows()).toEqual([]);
    await process.publish(tenant, 3);
    await process.publish(tenant, 4);
    await process.anchorAll();
    const [row] = await expectWhole(1);
    expect(row).toMatchObject({ size: 7, nonce: 2, finality: 'dev', independent_trust: false });
    const sent = endpoint.sent;
    for (let at = 0; at < 5; at += 1) expect(await process.anchorer.tick()).toEqual({ state: 'idle' });
    expect(endpoint.sent).toBe(sent);
    await process.publish(tenant);
    await process.anchorAll();
    expect((await expectWhole(2)).map(({ size }) => size)).toEqual([7, 8]);
    const head = await process.module.get(AnchoredHeadSource).anchoredHead();
    expect(head).toEqual({ size: 8, root: Buffer.from((await anchorRows())[1]?.root.slice(2) ?? '', 'hex') });
  });

  it('makes one anchor an interval, of the newest checkpoint then', async () => {
    const process = await anchored(1, { anchorIntervalMs: 60_000 });
    await process.publish(tenant);
    await process.anchorAll();
    await process.publish(tenant);
    await process.anchorAll();
    expect((await anchorRows()).map(({ size }) => size)).toEqual([1]);
    await admin(`UPDATE anchor SET created_at = created_at - interval '60 seconds'`);
    await process.anchorAll();
    expect((await anchorRows()).map(({ size }) => size)).toEqual([1, 3]);
  });

  it('starts with the application, keeps up by itself and stops with it', async () => {
    const process = await worker({ anchorIntervalMs: 100 });
    await process.openChain(tenant);
    await process.module.init();
    await process.publish(tenant);
    const deadline = Date.now() + 20_000;
    while ((await anchorRows())[0]?.state !== 'final') {
      if (Date.now() > deadline) throw new Error('not anchored');
      await delay(20);
    }
    await process.close();
    open.pop();
    expect(process.anchorer.status()).toEqual({ state: 'stopped' });
  });

  it('while the chain is down, lets writes go on and leaves one anchor to make', async () => {
    const process = await anchored(1);
    process.anchorer.onApplicationBootstrap();
    await fixture.service.stop();
    for (let at = 0; at < 5; at += 1) await process.publish(tenant);
    const deadline = Date.now() + 10_000;
    while (process.anchorer.status().state !== 'unavailable') {
      if (Date.now() > deadline) throw new Error('the outage was not noticed');
      await delay(20);
    }
    await expect(process.anchorer.check()).resolves.toBeUndefined();
    expect(await process.module.get(Sequencer).tick()).toBe(0);
    expect(process.module.get(Sequencer).status()).toEqual({ state: 'leading' });
    fixture = await startChainFixture({ folder: fixture.folder });
    const again = Date.now() + 20_000;
    while ((await anchorRows()).length < 2 || (await anchorRows()).some(({ state }) => state !== 'final')) {
      if (Date.now() > again) throw new Error(`not anchored: ${JSON.stringify(process.anchorer.status())}`);
      await delay(50);
    }
    expect((await expectWhole(2)).map(({ size }) => size)).toEqual([1, 6]);
  });

  it('makes no second anchor while one waits for a block', async () => {
    const process = await anchored(1);
    await nodeRequest(fixture.chain.url, 'evm_setAutomine', [false]);
    await process.publish(tenant);
    await process.anchorer.tick();
    await process.publish(tenant);
    await process.publish(tenant);
    for (let at = 0; at < 5; at += 1) expect(await process.anchorer.tick()).toEqual({ state: 'working' });
    expect((await anchorRows()).map(({ size, state }) => [size, state])).toEqual([
      [1, 'final'],
      [2, 'sent'],
    ]);
    await nodeRequest(fixture.chain.url, 'evm_setAutomine', [true]);
    await nodeRequest(fixture.chain.url, 'evm_mine');
    await process.anchorAll();
    expect((await expectWhole(3)).map(({ size }) => size)).toEqual([1, 2, 4]);
  });

  it('tells a wiped chain the same transactions again, contract and all, and it ends with the same head', async () => {
    const process = await anchored(12);
    const [before, raw, head] = [await expectWhole(12), await rawTransactions(), (await contractLog())?.head];
    const port = Number(new URL(fixture.chain.url).port);
    await fixture.stop();
    fixture = await startChainFixture({ port });
    expect(await contractLog()).toBeNull();
    await process.anchorAll();
    const after = await expectWhole(12);
    expect(after.map(({ tx_hash }) => tx_hash)).toEqual(before.map(({ tx_hash }) => tx_hash));
    expect(after[0]?.block_hash).not.toBe(before[0]?.block_hash);
    expect((await contractLog())?.head).toBe(head);
    expect(await rawTransactions()).toEqual(raw);
    await process.publish(tenant);
    await process.anchorAll();
    await expectWhole(13);
  });

  it('tells a chain that was rewound what it lost, and nothing more', async () => {
    const process = await anchored(3);
    await fixture.chain.snapshot();
    for (let at = 0; at < 4; at += 1) {
      await process.publish(tenant);
      await process.anchorAll();
    }
    const before = await expectWhole(7);
    globalThis.process.kill(fixture.service.pid as number, 'SIGKILL');
    await fixture.service.died;
    fixture = await startChainFixture({ folder: fixture.folder });
    const sent = endpoint.sent;
    await process.anchorAll();
    expect(endpoint.sent - sent).toBe(4);
    const after = await expectWhole(7);
    expect(after.slice(0, 3)).toEqual(before.slice(0, 3));
    expect(after.map(({ head }) => head)).toEqual(before.map(({ head }) => head));
  });

  it.each([1, 3, 6])('survives a reorganisation of %i blocks', async (depth) => {
    const process = await anchored(8);
    const before = await expectWhole(8);
    await nodeRequest(fixture.chain.url, 'anvil_reorg', [depth, []]);
    expect((await contractLog())?.size).toBe(BigInt(8 - depth));
    await process.anchorAll();
    const after = await expectWhole(8);
    expect(after.slice(0, 8 - depth)).toEqual(before.slice(0, 8 - depth));
    expect(after[7]?.block_hash).not.toBe(before[7]?.block_hash);
    expect(after[7]?.tx_hash).toBe(before[7]?.tx_hash);
  });

  it('notices a block that was replaced by one with the same transactions', async () => {
    const process = await anchored(4);
    const before = await expectWhole(4);
    await nodeRequest(fixture.chain.url, 'anvil_reorg', [2, []]);
    for (const row of before.slice(2)) {
      const raw = (await rawTransactions())[row.nonce];
      await nodeRequest(fixture.chain.url, 'eth_sendRawTransaction', [`0x${raw}`]);
    }
    await process.anchorAll();
    const after = await expectWhole(4);
    expect(after[3]?.block_hash).not.toBe(before[3]?.block_hash);
  });

  it('waits for the depth that the deployment asks for', async () => {
    const process = await worker({ chainFinality: { kind: 'depth', blocks: 5 } });
    await process.openChain(tenant);
    await process.publish(tenant);
    for (let at = 0; at < 3; at += 1) await process.anchorer.tick();
    const [row] = await anchorRows();
    expect(row).toMatchObject({ state: 'sent', finality: null });
    expect(row?.block_number).not.toBeNull();
    expect(await process.module.get(AnchoredHeadSource).anchoredHead()).toBeNull();
    await nodeRequest(fixture.chain.url, 'anvil_mine', ['0x4']);
    await process.anchorAll();
    expect(await expectWhole(1)).toMatchObject([{ finality: 'depth:5', independent_trust: false }]);
    expect((await process.module.get(AnchoredHeadSource).anchoredHead())?.size).toBe(1);
  });

  it('sends after a crash what was stored before it, once', async () => {
    const process = await anchored(1);
    await process.publish(tenant);
    endpoint.fault = 'refuse-sends';
    await expect(process.anchorer.tick()).rejects.toThrow(ChainUnavailableError);
    expect((await anchorRows()).map(({ state }) => state)).toEqual(['final', 'pending']);
    const raw = await rawTransactions();
    await process.close();
    open.pop();
    endpoint.fault = 'pass';
    const successor = await worker();
    await successor.publish(tenant);
    await successor.anchorAll();
    await expectWhole(3);
    expect((await rawTransactions()).slice(0, raw.length)).toEqual(raw);
  });

  it('finds what was sent though every reply was lost', async () => {
    const process = await worker();
    await process.openChain(tenant);
    await process.publish(tenant);
    endpoint.fault = 'lose-replies';
    await expect(process.anchorer.tick()).rejects.toThrow(ChainUnavailableError);
    endpoint.fault = 'pass';
    await process.anchorAll();
    await expectWhole(1);
  });

  it('lets one of several processes work, and hands over when that one ends or loses its session', async () => {
    const [first, second] = [await anchored(1), await worker()];
    expect(await second.anchorer.tick()).toEqual({ state: 'standby' });
    await admin(
      `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = 262467`,
    );
    const turns = await Promise.all([first.anchorer.tick(), second.anchorer.tick()]);
    expect(turns.map(({ state }) => state).sort()).toEqual(['idle', 'standby']);
    await first.close();
    open.shift();
    await second.publish(tenant);
    await second.anchorAll();
    await expectWhole(2);
  });

  it('stays right when the lock fails and several work at once', async () => {
    const processes = [await anchored(1), await worker(), await worker()];
    for (const one of processes) one.module.get(AnchorLock).holds = async () => true;
    for (let round = 0; round < 6; round += 1) {
      await processes[0]?.publish(tenant);
      await Promise.all(processes.map((one) => one.anchorAll()));
    }
    const rows = await expectWhole(7);
    expect(rows.map(({ nonce }) => nonce)).toEqual(rows.map((_row, at) => at + 2));
  });

  it('counts an anchor that a stranger brought to the contract with our signatures', async () => {
    const process = await anchored(1);
    await process.publish(tenant);
    endpoint.fault = 'refuse-sends';
    await expect(process.anchorer.tick()).rejects.toThrow(ChainUnavailableError);
    const [call] = await admin<{ recipient: Hex; data: string }>(
      `SELECT recipient, encode(data, 'hex') AS data FROM chain_transaction ORDER BY nonce DESC LIMIT 1`,
    );
    const stranger = new ChainKey(new Uint8Array(32).fill(3));
    const { raw } = await stranger.signTransaction({
      chainId: fixture.chain.chainId,
      nonce: 0,
      to: call?.recipient as Hex,
      data: `0x${call?.data}`,
      gas: 500_000n,
      fee: { kind: 'fixed', gasPrice: 0n },
    });
    await nodeRequest(fixture.chain.url, 'eth_sendRawTransaction', [raw]);
    endpoint.fault = 'pass';
    await process.anchorAll();
    const rows = await anchorRows();
    expect(rows.map(({ state }) => state)).toEqual(['final', 'final']);
    expect((await contractLog())?.head).toBe(rows[1]?.head);
    await process.publish(tenant);
    await process.anchorAll();
    expect((await contractLog())?.links).toBe(4n);
  });

  it('goes on after a failover that lost the newest anchor, and stops at a copy older than what is anchored', async () => {
    const process = await anchored(3);
    const before = await expectWhole(3);
    await process.close();
    open.pop();
    await admin(`BEGIN; ALTER TABLE chain_transaction DISABLE TRIGGER ALL;
      UPDATE chain_deployment SET head = (SELECT prev FROM anchor WHERE size = 3);
      DELETE FROM anchor WHERE size = 3; DELETE FROM chain_transaction WHERE nonce = 4; UPDATE chain_account SET next_nonce = 4;
      ALTER TABLE chain_transaction ENABLE ALWAYS TRIGGER refuse_rewrite; COMMIT`);
    const successor = await worker();
    await successor.anchorAll();
    expect(await expectWhole(3)).toEqual(before);
    await successor.publish(tenant);
    await successor.anchorAll();
    const rows = await expectWhole(4);
    expect(rows.map(({ size, nonce, state }) => [size, nonce, state])).toEqual([
      [1, 2, 'final'],
      [2, 3, 'final'],
      [3, 4, 'final'],
      [4, 5, 'final'],
    ]);
    await successor.close();
    open.pop();

    await admin(`BEGIN; ALTER TABLE chain_transaction DISABLE TRIGGER ALL; ALTER TABLE ledger_checkpoint DISABLE TRIGGER ALL;
      DELETE FROM anchor WHERE size = 4; DELETE FROM chain_transaction WHERE nonce = 5; UPDATE chain_account SET next_nonce = 5;
      DELETE FROM ledger_checkpoint WHERE size = 4; COMMIT`);
    const restored = await worker();
    await expect(restored.anchorer.tick()).rejects.toThrow(AnchoringBlockedError);
    await expect(restored.anchorer.tick()).rejects.toThrow(/restored from an older copy/);
  });

  it('halts the sequencer when the database is behind the anchored head, with no help from the head file', async () => {
    const process = await anchored(3);
    await process.close();
    open.pop();
    await rm(join(folder, 'ledger-head.json'));
    await admin(`BEGIN; ALTER TABLE ledger_leaf DISABLE TRIGGER ALL; ALTER TABLE ledger_tile DISABLE TRIGGER ALL;
      ALTER TABLE ledger_head DISABLE TRIGGER ALL; ALTER TABLE ledger_checkpoint DISABLE TRIGGER ALL;
      DELETE FROM anchor WHERE size > 1; DELETE FROM ledger_checkpoint WHERE size > 1; DELETE FROM ledger_leaf WHERE leaf_index > 0;
      UPDATE ledger_tile SET hashes = substring(hashes FOR 32);
      UPDATE ledger_head SET size = 1, root = (SELECT root FROM ledger_checkpoint WHERE size = 1), lease_until = now();
      COMMIT`);
    const restored = await worker();
    await expect(restored.module.get(Sequencer).tick()).rejects.toThrow(
      /the anchored head has 3 entries, but the database has 1/,
    );
    expect(restored.module.get(Sequencer).status().state).toBe('halted');
  });

  it('changes the signers by their own quorum when the settings do, also back, and a wiped chain follows', async () => {
    const quorums = [
      { required: 2, total: 3 },
      { required: 1, total: 2 },
      { required: 1, total: 1 },
    ];
    await (await anchored(1)).close();
    open.pop();
    for (const [at, anchorSigners] of quorums.entries()) {
      const process = await worker({ anchorSigners });
      await process.publish(tenant);
      await process.anchorAll();
      expect(await contractLog()).toMatchObject({
        epoch: at + 2,
        threshold: anchorSigners.required,
        size: BigInt(at + 2),
      });
      await process.close();
      open.pop();
    }
    const head = (await contractLog())?.head;
    const port = Number(new URL(fixture.chain.url).port);
    await fixture.stop();
    fixture = await startChainFixture({ port });
    const process = await worker();
    await process.anchorAll();
    expect((await contractLog())?.head).toBe(head);
    expect((await anchorRows()).map(({ state }) => state)).toEqual(Array(4).fill('final'));
  });

  it('offers more when a fee market passes its transaction by, and keeps every variant', async () => {
    const process = await anchored(1);
    const account = new ChainKey(
      (await process.module.get(ServiceKeys).getOrCreate('anchor-account', 'secp256k1')).revealSecret(),
    ).address;
    const ask = (method: string, ...params: unknown[]) => nodeRequest(fixture.chain.url, method, params);
    await ask('anvil_setBalance', account, '0x21e19e0c9bab2400000');
    await ask('anvil_setNextBlockBaseFeePerGas', '0x3b9aca00');
    await ask('evm_mine');
    await ask('evm_setAutomine', false);
    await process.publish(tenant);
    await process.anchorer.tick();
    await process.anchorer.tick();
    expect(await rawTransactions()).toHaveLength(4);
    await admin(`BEGIN; ALTER TABLE chain_transaction DISABLE TRIGGER ALL;
      UPDATE chain_transaction SET created_at = created_at - interval '61 seconds' WHERE nonce = 3;
      ALTER TABLE chain_transaction ENABLE ALWAYS TRIGGER refuse_rewrite; COMMIT`);
    await process.anchorer.tick();
    await process.anchorer.tick();
    const variants = await admin<{ hash: string; max_fee: string; data: string }>(
      `SELECT '0x' || encode(hash, 'hex') AS hash, max_fee, encode(data, 'hex') AS data FROM chain_transaction WHERE nonce = 3 ORDER BY variant`,
    );
    expect(variants).toHaveLength(2);
    expect(BigInt(variants[1]?.max_fee ?? 0) * 100n).toBeGreaterThan(BigInt(variants[0]?.max_fee ?? 0) * 110n);
    expect(variants[1]?.data).toBe(variants[0]?.data);
    await ask('evm_mine');
    await process.anchorAll();
    const rows = await expectWhole(2);
    expect(rows[1]?.tx_hash).toBe(variants[1]?.hash);
  });

  it('is blocked, and says why, when the contract stands elsewhere than it was led', async () => {
    const process = await anchored(2);
    await admin(`UPDATE chain_deployment SET head = sha256('another')`);
    await expect(process.anchorer.tick()).rejects.toThrow(/the head of the log in the contract/);
    await process.publish(tenant);
    process.anchorer.onApplicationBootstrap();
    const deadline = Date.now() + 10_000;
    while (process.anchorer.status().state !== 'blocked') {
      if (Date.now() > deadline) throw new Error('not blocked');
      await delay(20);
    }
    await expect(process.anchorer.check()).rejects.toThrow(AnchoringBlockedError);
    expect(await anchorRows()).toHaveLength(2);
  });

  it('anchors on another chain when the endpoint leads there, and keeps what the first one holds', async () => {
    const process = await anchored(1);
    await process.publish(tenant);
    const other = await startChainFixture({ chainId: 4242 });
    try {
      const moved = await worker({ chainUrl: other.chain.url });
      await process.close();
      open.shift();
      await moved.anchorAll();
      expect((await anchorRows()).map(({ size, state }) => [size, state])).toEqual([
        [1, 'final'],
        [2, 'final'],
      ]);
      expect(await admin(`SELECT chain_id::int AS id FROM chain_deployment ORDER BY id`)).toEqual([
        { id: 4242 },
        { id: 31337 },
      ]);
    } finally {
      await other.stop();
    }
  });

  it('lets no role rewrite what was signed, and the api role read only what is open', async () => {
    await anchored(1);
    const as = (role: 'freehold_api' | 'freehold_system', sql: string) => admin(sql, database.urls[role]);
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
    await expect(admin(`UPDATE chain_transaction SET raw = '\\x00'`)).rejects.toThrow(/append-only/);
    await expect(as('freehold_api', 'SELECT * FROM chain_transaction')).rejects.toThrow(/permission denied/);
    await expect(as('freehold_api', `UPDATE anchor SET state = 'final'`)).rejects.toThrow(/permission denied/);
    expect(await as('freehold_api', 'SELECT 1 FROM anchor')).toHaveLength(1);
  });
});
