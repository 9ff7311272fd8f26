import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DATABASE_ROLES, Database, type DatabaseUrls, migrate, prepareDatabase, SystemUnitOfWork } from '#database';
import { EmbeddedPostgres } from '#embedded';
import { newId, type TenantId } from '#kernel';
import { parseCheckpoint, verifyNote } from '#merkle';
import { nodeCrypto } from '#proof';
import { PublishedTrees } from '../../libs/ledger/src/app/published-trees.js';
import { SequenceEntriesService } from '../../libs/ledger/src/app/sequence-entries.service.js';
import { TakeOverLogService } from '../../libs/ledger/src/app/take-over-log.service.js';
import { LeafRepository } from '../../libs/ledger/src/infra/leaf.repository.js';
import { LogRepository } from '../../libs/ledger/src/infra/log.repository.js';
import { LogIdentity } from '../../libs/ledger/src/infra/log-identity.js';
import { OpenLogRepository } from '../../libs/ledger/src/infra/open-log.repository.js';
import { TenantChainRepository } from '../../libs/ledger/src/infra/tenant-chain.repository.js';
import { LedgerProcess } from '../../libs/ledger/src/testing/ledger-process.js';
import { plantTree } from './planted-tree.js';

export interface IntegrationFigures {
  /**
   * Integration alone: committed entries that get their places, leaves, tiles, chains and head, durable in PostgreSQL (fsync
   * on), a second. Without what the log does besides before anybody sees it, which `sequencedPerSecond` has: reading all of
   * it back and computing it again, signing, the head file, publishing.
   */
  integratedPerSecond: number;
  /** The whole turn of the sequencer, from committed entries to the published checkpoint. */
  sequencedPerSecond: number;
  /** From an entry's commit to when a verifier holds a checkpoint that covers it: what until then could be changed unseen. */
  uncoveredP50Ms: number;
  uncoveredP99Ms: number;
  uncoveredChangesPerSecond: number;
  /** What an appended entry (whole turn) and an inclusion proof cost in a log of 10,000 and in one of 10,000,000 entries. */
  appendUsAt10k: number;
  appendUsAt10M: number;
  proofUsAt10k: number;
  proofUsAt10M: number;
  /** The larger of the two growths: how many times as much one of them costs at 10,000,000 entries. */
  growthRatio: number;
}

const TENANTS = 8;
const STORED_ENTRIES = 40_000;
const ENTRIES_A_TRANSACTION = 500;
const SMALL = 10_000;
const LARGE = 10_000_000;
const GROWTH_ROUNDS = 9;
const GROWTH_ENTRIES = 1_000;
const PROOFS_A_ROUND = 60;
const CHANGES_PER_SECOND = 500;
const SECONDS = 5;
/** The default of FREEHOLD_SEQUENCER_INTERVAL_MS. */
const SEQUENCER_INTERVAL_MS = 50;

/** A part of the benchmark `ledger`, on a PostgreSQL of its own. */
export async function integrationFigures(): Promise<IntegrationFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'freehold-bench-'));
  chmodSync(folder, 0o711);
  const postgres = new EmbeddedPostgres({ folder: join(folder, 'postgres') });
  try {
    await postgres.start();
    const logs: BenchLog[] = [];
    const log = async (name: string, size: number) => {
      logs.push(await BenchLog.make(postgres.adminUrl, folder, name, size));
      return logs.at(-1)!;
    };
    try {
      const figures = {
        ...(await throughput(await log('throughput', 0))),
        ...(await uncovered(await log('window', 0))),
      };
      return { ...figures, ...(await growth(await log('small', SMALL), await log('large', LARGE))) };
    } finally {
      for (const one of logs) await one.close();
    }
  } finally {
    await EmbeddedPostgres.destroy(join(folder, 'postgres'));
    rmSync(folder, { recursive: true, force: true });
  }
}

export function run(): Promise<IntegrationFigures> {
  return integrationFigures();
}

/** The sequencer without its second look. */
class IntegrationAlone extends SequenceEntriesService {
  protected override async requireSameLeaves(): Promise<void> {}
  protected override async requireSameTree(): Promise<void> {}
}

async function throughput(
  log: BenchLog,
): Promise<Pick<IntegrationFigures, 'integratedPerSecond' | 'sequencedPerSecond'>> {
  const { module } = log.worker;
  const service = new IntegrationAlone(
    module.get(SystemUnitOfWork),
    module.get(LogRepository),
    module.get(LeafRepository),
    module.get(TenantChainRepository),
    module.get(LogIdentity),
  );
  await log.fill(STORED_ENTRIES);
  let held = (await module.get(TakeOverLogService).execute('bench'))!;
  const integratedPerSecond = await perSecond(async () => {
    const batch = await service.execute(held);
    held = batch.held;
    return batch.count;
  });
  await module.get(SystemUnitOfWork).run((tx) => module.get(LogRepository).renewLease(tx, held.epoch, 0));
  await log.fill(STORED_ENTRIES);
  return { integratedPerSecond, sequencedPerSecond: await perSecond(() => log.worker.sequencer.tick()) };
}

/** Turns until a turn finds nothing. */
async function perSecond(turn: () => Promise<number>): Promise<number> {
  const from = performance.now();
  let entries = 0;
  for (let count = 1; count > 0; entries += count) count = await turn();
  return entries / ((performance.now() - from) / 1000);
}

/** A verifier asks for the newest checkpoint all the time and verifies it, while changes commit at a steady rate. */
async function uncovered(
  log: BenchLog,
): Promise<Pick<IntegrationFigures, 'uncoveredP50Ms' | 'uncoveredP99Ms' | 'uncoveredChangesPerSecond'>> {
  await log.worker.module.init();
  const identity = log.api.module.get(LogIdentity);
  const open = new OpenLogRepository(log.api.module.get(Database));
  const held: { size: number; at: number }[] = [];
  let watching = true;
  const verifier = (async () => {
    for (let newest = 0; watching; ) {
      const head = await open.newestHead();
      if (head && head.size > newest) {
        const { text } = await verifyNote(head.note, [...identity.keys], nodeCrypto.ed25519Verify);
        newest = parseCheckpoint(text).size;
        held.push({ size: newest, at: performance.now() });
      }
      await new Promise((resolve) => setTimeout(resolve, 4));
    }
  })();
  const committed = new Map<string, number>();
  const changes: Promise<void>[] = [];
  const from = performance.now();
  while (changes.length < CHANGES_PER_SECOND * SECONDS) {
    const due = ((performance.now() - from) / 1000) * CHANGES_PER_SECOND;
    while (changes.length < due) {
      const change = log.api.change(log.tenants[changes.length % TENANTS]!);
      changes.push(change.then(([id]) => void committed.set(id!, performance.now())));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(changes);
  const rate = committed.size / ((performance.now() - from) / 1000);
  const places = await log.placesOf([...committed.keys()], () => held.at(-1)?.size ?? 0);
  watching = false;
  await verifier;
  const waits = [...committed].map(([id, at]) => {
    return Math.max(0, held.find(({ size }) => size > places.get(id)!)!.at - at);
  });
  return {
    uncoveredP50Ms: quantile(waits, 0.5),
    uncoveredP99Ms: quantile(waits, 0.99),
    uncoveredChangesPerSecond: rate,
  };
}

/** Turn about, so that what else the machine does hits both alike. */
async function growth(small: BenchLog, large: BenchLog) {
  const costs = new Map([small, large].map((log) => [log, { append: [] as number[], proof: [] as number[] }]));
  for (let round = 0; round < GROWTH_ROUNDS; round += 1) {
    for (const [log, { append, proof }] of costs) {
      await log.fill(GROWTH_ENTRIES);
      append.push(1e6 / (await perSecond(() => log.worker.sequencer.tick())));
      proof.push(...(await log.proofs(PROOFS_A_ROUND)));
    }
  }
  const [atSmall, atLarge] = [costs.get(small)!, costs.get(large)!];
  const figures = {
    appendUsAt10k: quantile(atSmall.append, 0.5),
    appendUsAt10M: quantile(atLarge.append, 0.5),
    proofUsAt10k: quantile(atSmall.proof, 0.5),
    proofUsAt10M: quantile(atLarge.proof, 0.5),
  };
  const growthRatio = Math.max(
    figures.appendUsAt10M / figures.appendUsAt10k,
    figures.proofUsAt10M / figures.proofUsAt10k,
  );
  return { ...figures, growthRatio };
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!;
}

/** A log of its own, with the processes that write it. */
class BenchLog {
  private readonly trees: PublishedTrees;

  private constructor(
    readonly worker: LedgerProcess,
    readonly api: LedgerProcess,
    readonly tenants: TenantId[],
  ) {
    this.trees = new PublishedTrees(new OpenLogRepository(api.module.get(Database)));
  }

  /** With `size` entries in it that are not there but as hashes. */
  static async make(adminUrl: string, folder: string, name: string, size: number): Promise<BenchLog> {
    const passwords = Object.fromEntries(DATABASE_ROLES.map((role) => [role, `bench-${role}`])) as Record<
      (typeof DATABASE_ROLES)[number],
      string
    >;
    const urls: DatabaseUrls = await prepareDatabase({ adminUrl, database: name, passwords });
    await migrate(urls.freehold_owner);
    if (size > 0) await plantTree(urls.freehold_system, size);
    const database = { name, urls, adminUrl: urls.freehold_owner };
    const own = mkdtempSync(join(folder, `${name}-`));
    const worker = await LedgerProcess.worker(database, own, undefined, {
      sequencerIntervalMs: SEQUENCER_INTERVAL_MS,
    });
    const tenants: TenantId[] = [];
    for (let at = 0; at < TENANTS; at += 1) {
      const tenantId = newId('tenant');
      await worker.openChain(tenantId, Buffer.alloc(32, at + 1));
      tenants.push(tenantId);
    }
    return new BenchLog(worker, await LedgerProcess.api(database, own), tenants);
  }

  /** Entries that wait for the sequencer. */
  async fill(count: number): Promise<void> {
    for (let stored = 0, turn = 0; stored < count; stored += ENTRIES_A_TRANSACTION, turn += 1) {
      await this.api.change(this.tenants[turn % TENANTS]!, Math.min(ENTRIES_A_TRANSACTION, count - stored));
    }
  }

  /** Microseconds of one inclusion proof each, of entries anywhere in the published log. */
  async proofs(count: number): Promise<number[]> {
    const { size } = (await new OpenLogRepository(this.api.module.get(Database)).newestHead())!;
    const costs: number[] = [];
    for (let at = 0; at < count; at += 1) {
      const index = Math.floor(Math.random() * size);
      const from = performance.now();
      await this.trees.of(size).inclusionProof(index);
      costs.push((performance.now() - from) * 1000);
    }
    return costs;
  }

  /** The index of each entry, once a checkpoint of `covered()` entries covers them all. */
  async placesOf(ids: string[], covered: () => number): Promise<Map<string, number>> {
    const database = this.worker.module.get(Database);
    for (;;) {
      const rows = await database.query<{ id: string; index: number }>(
        'SELECT entry_id AS id, leaf_index::int AS index FROM ledger_leaf WHERE entry_id = ANY($1::text[])',
        [ids],
      );
      if (rows.length === ids.length && rows.every(({ index }) => index < covered())) {
        return new Map(rows.map(({ id, index }) => [id, index]));
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async close(): Promise<void> {
    await this.api.close();
    await this.worker.close();
  }
}
