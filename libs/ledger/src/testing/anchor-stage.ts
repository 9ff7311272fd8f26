import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { AnchorChain, type AnchoredLog, ChainKey, type DevChainOptions, finalityOf, type Hex } from '#chain';
import { newId, type TenantId } from '#kernel';
import { ServiceKeys } from '#keyring';
import { type ChainFixture, nodeRequest, startChainFixture } from '../../../../test/support/chain-fixture.js';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/embedded-database.js';
import { AnchorProcess } from './anchor-process.js';
import { FaultyAnchorEndpoint } from './faulty-anchor-endpoint.js';

/** An anchor as the database has it; hashes as 0x hexadecimal. */
export interface AnchorRow {
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

type WorkerOptions = Partial<Parameters<typeof AnchorProcess.open>[2]>;

/** What a development chain charges. */
export const FREE = { kind: 'fixed', gasPrice: 0n } as const;

/** Everything that a test of anchoring plays on: a database, a chain, a way to it that can break, and workers. */
export class AnchorStage {
  readonly tenant: TenantId = newId('tenant');
  private readonly workers: AnchorProcess[] = [];

  private constructor(
    readonly database: TestDatabase,
    readonly folder: string,
    private chain: ChainFixture,
    readonly endpoint: FaultyAnchorEndpoint,
  ) {}

  static async open(): Promise<AnchorStage> {
    const folder = await mkdtemp(join(tmpdir(), 'freehold-anchoring-'));
    const chain = await startChainFixture({ folder: join(folder, 'chain') });
    return new AnchorStage(await createTestDatabase(), folder, chain, await FaultyAnchorEndpoint.open(chain.chain.url));
  }

  async close(): Promise<void> {
    await this.endWorkers();
    this.endpoint.close();
    await this.chain.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  async worker(options: WorkerOptions = {}): Promise<AnchorProcess> {
    const started = await AnchorProcess.open(this.database, this.folder, { chainUrl: this.endpoint.url, ...options });
    this.workers.push(started);
    return started;
  }

  /** Ends these workers, or all. */
  async endWorkers(...which: AnchorProcess[]): Promise<void> {
    for (const one of which.length > 0 ? which : [...this.workers]) {
      this.workers.splice(this.workers.indexOf(one), 1);
      await one.close();
    }
  }

  /** A worker with a tenant's chain and `anchors` anchors of one entry each. */
  async anchored(anchors: number, options: WorkerOptions = {}): Promise<AnchorProcess> {
    const first = await this.worker(options);
    await first.openChain(this.tenant);
    for (let at = 0; at < anchors; at += 1) await this.anchorOne(first);
    return first;
  }

  async anchorOne(worker: AnchorProcess): Promise<void> {
    await worker.publish(this.tenant);
    await worker.anchorAll();
  }

  /** Stops the chain as it is stopped in the evening: it comes back as it was. */
  stopChain(): Promise<void> {
    return this.chain.service.stop();
  }

  snapshotChain(): Promise<void> {
    return this.chain.chain.snapshot();
  }

  async killChain(): Promise<void> {
    process.kill(this.chain.service.pid as number, 'SIGKILL');
    await this.chain.service.died;
  }

  /** Brings the chain up again where it was, with what is left of it. */
  async startChain(options: Partial<DevChainOptions> = {}): Promise<void> {
    const port = Number(new URL(this.chain.chain.url).port);
    this.chain = await startChainFixture({ folder: this.chain.folder, port, ...options });
  }

  /** Another, empty chain in the old one's place. */
  async wipeChain(): Promise<void> {
    await this.chain.stop();
    await rm(this.chain.folder, { recursive: true });
    await this.startChain();
  }

  get chainId(): number {
    return this.chain.chain.chainId;
  }

  /** One JSON-RPC request to the node itself, past the endpoint. */
  node<T>(method: string, ...params: unknown[]): Promise<T> {
    return nodeRequest<T>(this.chain.chain.url, method, params);
  }

  /** One statement as the superuser, or under another login. */
  async sql<Row extends pg.QueryResultRow>(text: string, url = this.database.adminUrl): Promise<Row[]> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<Row>(text)).rows;
    } finally {
      await client.end();
    }
  }

  rows(): Promise<AnchorRow[]> {
    return this.sql<AnchorRow>(
      `SELECT size::int, '0x' || encode(root, 'hex') AS root, '0x' || encode(prev, 'hex') AS prev,
              '0x' || encode(head, 'hex') AS head, nonce::int, state, '0x' || encode(tx_hash, 'hex') AS tx_hash,
              block_number::int, '0x' || encode(block_hash, 'hex') AS block_hash, finality, independent_trust
         FROM anchor ORDER BY size`,
    );
  }

  /** Every transaction that was signed, as 0x hexadecimal, in the order of nonces. */
  async rawTransactions(): Promise<Hex[]> {
    const rows = await this.sql<{ raw: Hex }>(
      `SELECT '0x' || encode(raw, 'hex') AS raw FROM chain_transaction ORDER BY nonce, variant`,
    );
    return rows.map(({ raw }) => raw);
  }

  async deployment(): Promise<{ contract: Hex; logId: Hex }> {
    const [row] = await this.sql<{ contract: Hex; logId: Hex }>(
      `SELECT contract, '0x' || encode(log_id, 'hex') AS "logId" FROM chain_deployment ORDER BY id DESC LIMIT 1`,
    );
    return row!;
  }

  /** The log as the contract has it; null when there is none. */
  async contractLog(): Promise<AnchoredLog | null> {
    const { contract, logId } = await this.deployment();
    return new AnchorChain({ url: this.chain.chain.url, finality: finalityOf({ kind: 'dev' }) }).readLog(
      contract,
      logId,
    );
  }

  /** One of the service's own chain keys. */
  async key(worker: AnchorProcess, name: string): Promise<ChainKey> {
    return new ChainKey((await worker.module.get(ServiceKeys).getOrCreate(name, 'secp256k1')).revealSecret());
  }

  /** A transaction of somebody who is not us. */
  async sendAsStranger(to: Hex, call: { data: Hex; gas: bigint }): Promise<void> {
    const stranger = new ChainKey(new Uint8Array(32).fill(3));
    const { raw } = await stranger.signTransaction({ chainId: this.chainId, nonce: 0, to, ...call, fee: FREE });
    await this.node('eth_sendRawTransaction', raw);
  }

  /** Every anchor is final, linked to the one before and in the block that it names; the contract stands at the last one. */
  async expectWhole(count: number): Promise<AnchorRow[]> {
    const rows = await this.rows();
    assert.deepEqual(
      rows.map(({ state }) => state),
      Array(count).fill('final'),
    );
    for (const [at, row] of rows.entries()) {
      if (at > 0) assert.equal(row.prev, rows[at - 1]?.head);
      const receipt = await this.node<{ blockHash: Hex; status: Hex }>('eth_getTransactionReceipt', row.tx_hash);
      assert.deepEqual([receipt?.blockHash, receipt?.status], [row.block_hash, '0x1']);
    }
    const log = await this.contractLog();
    const newest = rows.at(-1)!;
    assert.deepEqual([log?.head, log?.root, log?.size], [newest.head, newest.root, BigInt(newest.size)]);
    return rows;
  }
}

/** Waits for a state that a running loop brings about. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not in 20 seconds: ${what}`);
    await delay(20);
  }
}
