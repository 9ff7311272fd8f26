import pg from 'pg';
import type { TenantId } from '#kernel';
import { utf8 } from '#merkle';
import { nodeCrypto, verifyReceipt } from '#proof';
import { LedgerProcess } from '../../libs/ledger/src/testing/ledger-process.js';
import { type AnchoringFigures, anchoringFigures } from './anchoring.bench.js';
import { type BenchStack, startBenchStack } from './api-process.js';
import { type BundleFigures, bundleFigures } from './bundle.bench.js';
import { BenchClient } from './http-client.js';
import { type IntegrationFigures, integrationFigures } from './integration.bench.js';
import { type SignedChangesFigures, signedChanges } from './signed-changes.bench.js';
import { every } from './steady-load.js';
import { type OwnedTarget, prepareTargets, subnetOf } from './targets.js';
import { type WitnessFigures, witnessFigures } from './witness.bench.js';

export interface LedgerFigures
  extends SignedChangesFigures,
    IntegrationFigures,
    BundleFigures,
    WitnessFigures,
    AnchoringFigures {
  /** The mean of a receipt under a checkpoint of that log. */
  receiptBytes: number;
  /** Verifying one, on one thread. */
  receiptVerifyMs: number;
  /** From a change's answer to the published checkpoint that covers it, under a steady load, with a worker at work. */
  checkpointP50Ms: number;
  checkpointP99Ms: number;
  checkpointChangesPerSecond: number;
}

const STORED_ENTRIES = 20_000;
const ENTRIES_A_TRANSACTION = 500;
const RECEIPTS = 200;
const CHANGES_PER_SECOND = 500;
const SECONDS = 10;
/** Subnets that the signed changes may have made in each VPC. */
const PREPARED_BEFORE = 1_000;
/** How often the newest checkpoint is asked for: what it adds is in the figures. */
const LOOK_EVERY_MS = 4;

/** One after the other, each on a stack of its own that is gone before the next one begins. */
export async function run(): Promise<LedgerFigures> {
  return {
    ...(await changesFigures()),
    ...(await integrationFigures()),
    ...(await bundleFigures()),
    ...(await witnessFigures()),
    ...(await anchoringFigures()),
  };
}

async function changesFigures() {
  const stack = await startBenchStack();
  const client = new BenchClient(stack.apiUrl);
  try {
    const targets = await prepareTargets(client, stack.operatorKey);
    const signed = await signedChanges(stack, targets);
    const receipts = await receiptFigures(client, targets, await storedEntries(stack, targets));
    await stack.startWorker();
    return { ...signed, ...receipts, ...(await checkpointFigures(stack, client, targets)) };
  } finally {
    client.close();
    await stack.close();
  }
}

/** Entries in the log, with receipts to be had. */
async function storedEntries({ urls, folder }: BenchStack, targets: OwnedTarget[]) {
  const database = { name: 'freehold', urls, adminUrl: urls.freehold_owner };
  const writer = await LedgerProcess.api(database, folder);
  const sequencer = await LedgerProcess.worker(database, folder);
  try {
    const tenantIds = [...new Set(targets.map(({ tenantId }) => tenantId as TenantId))];
    const entryIds = new Map<string, string[]>();
    for (let stored = 0, turn = 0; stored < STORED_ENTRIES; stored += ENTRIES_A_TRANSACTION, turn += 1) {
      const tenantId = tenantIds[turn % tenantIds.length] as TenantId;
      entryIds.set(tenantId, await writer.change(tenantId, ENTRIES_A_TRANSACTION));
    }
    while ((await sequencer.sequencer.tick()) > 0);
    return entryIds;
  } finally {
    await sequencer.close();
    await writer.close();
  }
}

async function receiptFigures(client: BenchClient, targets: OwnedTarget[], entryIds: Map<string, string[]>) {
  const { vkey } = (await client.get('/v1/log')) as { vkey: string };
  let bytes = 0;
  let milliseconds = 0;
  for (let at = 0; at < RECEIPTS; at += 1) {
    const { tenantId, apiKey } = targets[(at * 8) % targets.length] as OwnedTarget;
    const ids = entryIds.get(tenantId) as string[];
    const receipt = utf8(JSON.stringify(await client.get(`/v1/ledger/entries/${ids[at]}/receipt`, apiKey)));
    const from = performance.now();
    const report = await verifyReceipt(receipt, { crypto: nodeCrypto, log: vkey });
    milliseconds += performance.now() - from;
    if (!report.ok) throw new Error(`a receipt does not verify: ${report.firstBad?.detail}`);
    bytes += receipt.length;
  }
  return { receiptBytes: Math.round(bytes / RECEIPTS), receiptVerifyMs: milliseconds / RECEIPTS };
}

async function checkpointFigures({ urls }: BenchStack, client: BenchClient, targets: OwnedTarget[]) {
  const database = new pg.Client({ connectionString: urls.freehold_system });
  await database.connect();
  const watch = new CheckpointWatch(database);
  const answered = new Map<string, number>();
  let last = 0;
  try {
    const from = performance.now();
    const changes: Promise<void>[] = [];
    await every(1000 / CHANGES_PER_SECOND, CHANGES_PER_SECOND * SECONDS, (n) => {
      const target = targets[n % targets.length] as OwnedTarget;
      const change = client.change(
        target.apiKey,
        'POST',
        '/v1/subnets',
        subnetOf(target, PREPARED_BEFORE + Math.floor(n / targets.length)),
      );
      changes.push(
        change.then(({ ledgerEntryId }) => {
          answered.set(ledgerEntryId, performance.now());
          last = performance.now();
        }),
      );
    });
    await Promise.all(changes);
    const published = await watch.untilCovered([...answered.keys()]);
    const waits = [...answered]
      .map(([id, at]) => Math.max(0, (published.get(id) as number) - at))
      .sort((a, b) => a - b);
    const share = (part: number) => waits[Math.min(waits.length - 1, Math.floor(waits.length * part))] as number;
    const checkpointChangesPerSecond = answered.size / ((last - from) / 1000);
    return { checkpointP50Ms: share(0.5), checkpointP99Ms: share(0.99), checkpointChangesPerSecond };
  } finally {
    await watch.stop();
    await database.end();
  }
}

/** Sees when the published log grew. */
class CheckpointWatch {
  private readonly seen: { size: number; at: number }[] = [];
  private readonly looking: Promise<void>;
  private ended = false;

  constructor(private readonly database: pg.Client) {
    this.looking = this.look();
  }

  /** When each entry was first covered, by the clock of `performance`. */
  async untilCovered(entryIds: string[]): Promise<Map<string, number>> {
    for (;;) {
      const { rows } = await this.database.query(
        'SELECT entry_id AS id, leaf_index::int AS index FROM ledger_leaf WHERE entry_id = ANY($1::text[])',
        [entryIds],
      );
      const newest = this.seen.at(-1)?.size ?? 0;
      if (rows.length === entryIds.length && rows.every(({ index }) => index < newest)) {
        return new Map(rows.map(({ id, index }) => [id, this.seen.find(({ size }) => size > index)?.at ?? 0]));
      }
    }
  }

  async stop(): Promise<void> {
    this.ended = true;
    await this.looking;
  }

  private async look(): Promise<void> {
    while (!this.ended) {
      const { rows } = await this.database.query('SELECT max(size)::int AS size FROM ledger_checkpoint');
      const size = rows[0].size ?? 0;
      if (size > (this.seen.at(-1)?.size ?? -1)) this.seen.push({ size, at: performance.now() });
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }
}
