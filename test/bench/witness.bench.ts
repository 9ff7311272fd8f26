import { join } from 'node:path';
import pg from 'pg';
import { parseNote, parseTlogProof } from '#merkle';
import { WitnessFolder } from '../../apps/cli/src/witness/witness-folder.js';
import { WitnessProcess } from '../support/witness-process.js';
import { type BenchStack, startBenchStack } from './api-process.js';
import { BenchClient } from './http-client.js';
import { every } from './steady-load.js';
import { type OwnedTarget, prepareTargets, subnetOf } from './targets.js';

export interface WitnessFigures {
  /** From a change's answer to a receipt of it, read over HTTP, that a witness in another process has cosigned. */
  witnessedP50Ms: number;
  witnessedP99Ms: number;
  /** Changes a second that were made meanwhile. */
  witnessedChangesPerSecond: number;
}

const CHANGES_PER_SECOND = 500;
const SECONDS = 10;
/** Of every so many changes the receipt is asked for: asking for all of them would be a load of its own. */
const SAMPLE = 10;
const LOOK_EVERY_MS = 4;
const PATIENCE_MS = 60_000;

export const run = witnessFigures;

/** On a stack of its own, whose worker publishes nothing that the witness has not cosigned. */
export async function witnessFigures(): Promise<WitnessFigures> {
  const stack = await startBenchStack();
  const client = new BenchClient(stack.apiUrl);
  // Receipts must not queue behind changes that the API has no time for yet.
  const reader = new BenchClient(stack.apiUrl);
  let witness: WitnessProcess | null = null;
  try {
    const targets = await prepareTargets(client, stack.operatorKey);
    const folder = await WitnessFolder.init(join(stack.folder, 'witness'), 'witness.example/bench');
    await folder.addLog([((await client.get('/v1/log')) as { vkey: string }).vkey]);
    witness = await WitnessProcess.serve(folder.path);
    await stack.startWorker({
      FREEHOLD_WITNESSES: `${folder.vkey} ${witness.url}`,
      FREEHOLD_WITNESS_REQUIRED: 'true',
    });
    return await underLoad(stack, { client, reader }, targets);
  } finally {
    client.close();
    reader.close();
    await witness?.end('SIGTERM');
    await stack.close();
  }
}

async function underLoad(
  { urls }: BenchStack,
  { client, reader }: { client: BenchClient; reader: BenchClient },
  targets: OwnedTarget[],
): Promise<WitnessFigures> {
  const database = new pg.Client({ connectionString: urls.freehold_system });
  await database.connect();
  const watch = new WitnessedWatch(database);
  const receipts: Promise<number>[] = [];
  const changes: Promise<void>[] = [];
  const from = performance.now();
  let last = from;
  try {
    await every(1000 / CHANGES_PER_SECOND, CHANGES_PER_SECOND * SECONDS, (n) => {
      const target = targets[n % targets.length] as OwnedTarget;
      const body = subnetOf(target, Math.floor(n / targets.length));
      const change = client.change(target.apiKey, 'POST', '/v1/subnets', body).then(({ ledgerEntryId }) => {
        last = performance.now();
        if (n % SAMPLE === 0) receipts.push(witnessedReceipt(reader, watch, target, ledgerEntryId as string, last));
      });
      changes.push(change);
    });
    await Promise.all(changes);
    const waits = (await Promise.all(receipts)).sort((a, b) => a - b);
    const share = (part: number) => waits[Math.min(waits.length - 1, Math.floor(waits.length * part))] as number;
    return {
      witnessedP50Ms: share(0.5),
      witnessedP99Ms: share(0.99),
      witnessedChangesPerSecond: changes.length / ((last - from) / 1000),
    };
  } finally {
    await watch.stop();
    await database.end();
  }
}

/** How long the receipt took to be there from `at` on. @throws unless a witness has cosigned it */
async function witnessedReceipt(
  client: BenchClient,
  watch: WitnessedWatch,
  { apiKey }: OwnedTarget,
  entryId: string,
  at: number,
): Promise<number> {
  await watch.covers(entryId);
  const receipt = await client.get(`/v1/ledger/entries/${entryId}/receipt`, apiKey);
  const waited = performance.now() - at;
  const { signatures } = parseNote(parseTlogProof(receipt.proof).checkpoint);
  if (signatures.length < 2) throw new Error(`the receipt of ${entryId} has no cosignature`);
  return waited;
}

/** Sees when entries come under a witnessed checkpoint, in one query for all that wait. */
class WitnessedWatch {
  private readonly waiting = new Map<string, () => void>();
  private readonly looking: Promise<void>;
  private ended = false;

  constructor(private readonly database: pg.Client) {
    this.looking = this.look();
  }

  covers(entryId: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${entryId} was not witnessed`)), PATIENCE_MS);
      this.waiting.set(entryId, () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  async stop(): Promise<void> {
    this.ended = true;
    await this.looking;
  }

  private async look(): Promise<void> {
    while (!this.ended) {
      const { rows } = await this.database.query(
        `SELECT entry_id AS id FROM ledger_leaf
          WHERE entry_id = ANY($1::text[]) AND leaf_index < (SELECT coalesce(max(size), 0) FROM ledger_witnessed)`,
        [[...this.waiting.keys()]],
      );
      for (const { id } of rows) {
        this.waiting.get(id)?.();
        this.waiting.delete(id);
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }
}
