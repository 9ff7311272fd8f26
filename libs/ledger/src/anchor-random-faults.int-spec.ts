import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import fc from 'fast-check';
import { ChainUnavailableError, type FinalityChoice, type Hex, TransactionRefusedError } from '#chain';
import { Database } from '#database';
import { verifyAnchorPromise, verifyAnchorProof } from '#proof';
import { StoredAnchorDirectory } from './infra/stored-anchor-directory.js';
import type { AnchorProcess } from './testing/anchor-process.js';
import { AnchorStage } from './testing/anchor-stage.js';

const RUNS = 6;
const STEPS = 28;
const seed = Number(process.env.FREEHOLD_TEST_SEED ?? randomInt(2 ** 31));

const FAULTS = [
  'replace',
  'reorg',
  'rollback',
  'drop',
  'hold',
  'release',
  'kill',
  'snapshot',
  'wipe',
  'lose',
  'restart',
] as const;
type Step = 'publish' | 'turn' | (typeof FAULTS)[number];

/** Mostly work, with a fault now and then, and each of them somewhere. */
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Step>('publish') },
  { weight: 6, arbitrary: fc.constant<Step>('turn') },
  { weight: 4, arbitrary: fc.constantFrom<Step>(...FAULTS) },
  { weight: 2, arbitrary: fc.constant<Step>('replace') },
);
const finality = fc.constantFrom<FinalityChoice>({ kind: 'dev' }, { kind: 'qbft' }, { kind: 'depth', blocks: 2 });

/** A stage on which one thing after the other goes wrong. */
class Campaign {
  private worker!: AnchorProcess;

  private constructor(
    readonly stage: AnchorStage,
    private readonly chainFinality: FinalityChoice,
  ) {}

  static async open(chainFinality: FinalityChoice): Promise<Campaign> {
    const campaign = new Campaign(await AnchorStage.open(), chainFinality);
    await campaign.start();
    await campaign.worker.openChain(campaign.stage.tenant);
    return campaign;
  }

  private async start(): Promise<void> {
    this.worker = await this.stage.worker({ chainFinality: this.chainFinality });
  }

  async take(step: Step, depth: number): Promise<void> {
    const { stage } = this;
    switch (step) {
      case 'publish':
        return this.worker.publish(stage.tenant);
      case 'turn':
        return this.turn();
      case 'reorg':
      case 'rollback': {
        const height = Number(await stage.node<Hex>('eth_blockNumber'));
        if (height <= depth) return;
        // A node that has just come back from a snapshot has not the blocks for it, and says so.
        return stage.node<void>(`anvil_${step}`, ...(step === 'reorg' ? [depth, []] : [depth])).catch(() => undefined);
      }
      case 'replace':
        await this.take('reorg', depth);
        // The same transactions in other blocks: only their hashes tell.
        for (const raw of await stage.rawTransactions()) {
          await stage.node('eth_sendRawTransaction', raw).catch(() => undefined);
        }
        return;
      case 'drop':
        return stage.node('anvil_dropAllTransactions');
      case 'hold':
        return stage.node('evm_setAutomine', false);
      case 'release':
        await stage.node('evm_setAutomine', true);
        return stage.node('evm_mine');
      case 'snapshot':
        return stage.snapshotChain();
      case 'kill':
        await stage.killChain();
        return stage.startChain();
      case 'wipe':
        return stage.wipeChain();
      case 'lose':
        stage.endpoint.fault = stage.endpoint.fault === 'pass' ? 'lose-replies' : 'pass';
        return;
      case 'restart':
        await stage.endWorkers(this.worker);
        return this.start();
    }
  }

  /** A turn may fail when the chain does; what it leaves behind must be right all the same. */
  private async turn(): Promise<void> {
    let settled = true;
    try {
      await this.worker.anchorer.tick();
    } catch (error) {
      if (!(error instanceof ChainUnavailableError || error instanceof TransactionRefusedError)) throw error;
      settled = false;
    }
    if (settled) await this.expectNothingWrong();
  }

  /** What is called final is in the chain, and what receipts say of it can be proven. */
  private async expectNothingWrong(): Promise<void> {
    const directory = new StoredAnchorDirectory(this.worker.module.get(Database));
    const anchors = await directory.upTo(Number.MAX_SAFE_INTEGER, 1_000);
    const proofs = await directory.proofsOf(anchors);
    for (const [at, anchor] of anchors.entries()) {
      const block = await this.stage.node<{ hash: Hex } | null>(
        'eth_getBlockByNumber',
        `0x${anchor.blockNumber.toString(16)}`,
        false,
      );
      assert.ok(
        block === null || block.hash === anchor.blockHash,
        `${anchor.size}: final in a block that was replaced`,
      );
      const proof = proofs[at];
      if (proof) await verifyAnchorProof(proof, { blockHash: anchor.blockHash });
    }
    const promise = await directory.promiseCovering(0);
    if (promise) verifyAnchorPromise(promise);
  }

  /** Every fault is over: every entry ends anchored, in one unbroken chain of links. */
  async end(): Promise<void> {
    const { stage } = this;
    stage.endpoint.fault = 'pass';
    await stage.node('evm_setAutomine', true);
    await this.worker.publish(stage.tenant);
    const deadline = Date.now() + 60_000;
    let published = 0;
    for (;;) {
      // A depth of two needs a block behind each anchor, and a node that was reset mines none by itself.
      await stage.node('evm_mine');
      await this.turn();
      const [row] = await stage.sql<{ size: number }>('SELECT max(size)::int AS size FROM ledger_checkpoint');
      published = row!.size;
      const rows = await stage.rows();
      if (rows.every(({ state }) => state === 'final') && rows.at(-1)?.size === published) break;
      assert.ok(Date.now() < deadline, `not anchored: ${JSON.stringify(rows.map(({ size, state }) => [size, state]))}`);
    }
    await this.expectNothingWrong();
    const rows = await stage.rows();
    for (const [at, row] of rows.entries()) if (at > 0) assert.equal(row.prev, rows[at - 1]?.head);
    const log = await stage.contractLog();
    assert.deepEqual([log?.size, log?.head], [BigInt(published), rows.at(-1)?.head]);
  }
}

describe('the anchorer under random faults', () => {
  it('ends with every entry anchored, and calls nothing final in between that is not', async () => {
    process.stdout.write(`seed ${seed}: run again with FREEHOLD_TEST_SEED=${seed}\n`);
    const steps = fc.array(fc.tuple(step, fc.integer({ min: 1, max: 4 })), { minLength: STEPS, maxLength: STEPS });
    await fc.assert(
      fc.asyncProperty(finality, fc.noShrink(steps), async (choice, taken) => {
        const campaign = await Campaign.open(choice);
        try {
          for (const [what, depth] of taken) await campaign.take(what, depth);
          await campaign.end();
        } finally {
          await campaign.stage.close();
        }
      }),
      { seed, numRuns: RUNS, endOnFailure: true },
    );
  }, 300_000);
});
