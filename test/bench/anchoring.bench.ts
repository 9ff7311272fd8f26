import pg from 'pg';
import { type BenchStack, startBenchStack } from './api-process.js';
import { BenchClient } from './http-client.js';
import { every } from './steady-load.js';
import { type OwnedTarget, prepareTargets, subnetOf } from './targets.js';

export interface AnchoringFigures {
  /** The shortest time between two anchors in this run: what the figures below are to be held against. */
  anchorIntervalMs: number;
  /** From a change's answer to an anchor that covers it and is final by the rule of a development chain. */
  anchoredP50Ms: number;
  anchoredP99Ms: number;
  /** The same where each change asks for an anchor at once, and the interval is an hour. */
  immediateP50Ms: number;
  immediateP99Ms: number;
}

const ANCHOR_INTERVAL_MS = 2_000;
const CHANGES_PER_SECOND = 100;
const SECONDS = 20;
const IMMEDIATE_PER_SECOND = 2;
const LOOK_EVERY_MS = 5;
const PATIENCE_MS = 120_000;

export const run = anchoringFigures;

export async function anchoringFigures(): Promise<AnchoringFigures> {
  const waiting = await onAStack({ FREEHOLD_ANCHOR_INTERVAL_MS: `${ANCHOR_INTERVAL_MS}` }, CHANGES_PER_SECOND, '');
  const hour = { FREEHOLD_ANCHOR_INTERVAL_MS: '3600000' };
  const immediate = await onAStack(hour, IMMEDIATE_PER_SECOND, '?anchor=immediate');
  return {
    anchorIntervalMs: ANCHOR_INTERVAL_MS,
    anchoredP50Ms: share(waiting, 0.5),
    anchoredP99Ms: share(waiting, 0.99),
    immediateP50Ms: share(immediate, 0.5),
    immediateP99Ms: share(immediate, 0.99),
  };
}

/** Ascending, in milliseconds. */
async function onAStack(settings: Record<string, string>, perSecond: number, query: string): Promise<number[]> {
  const stack = await startBenchStack();
  const client = new BenchClient(stack.apiUrl);
  try {
    const targets = await prepareTargets(client, stack.operatorKey);
    await stack.startWorker(settings);
    return await underLoad(stack, client, targets, { perSecond, path: `/v1/subnets${query}` });
  } finally {
    client.close();
    await stack.close();
  }
}

async function underLoad(
  { urls }: BenchStack,
  client: BenchClient,
  targets: OwnedTarget[],
  { perSecond, path }: { perSecond: number; path: string },
): Promise<number[]> {
  const database = new pg.Client({ connectionString: urls.freehold_system });
  await database.connect();
  const watch = new AnchorWatch(database);
  const answered = new Map<string, number>();
  try {
    // The contract is created once: what comes after it is measured.
    await watch.untilAnchored(1);
    const changes: Promise<void>[] = [];
    await every(1000 / perSecond, perSecond * SECONDS, (n) => {
      const target = targets[n % targets.length] as OwnedTarget;
      const body = subnetOf(target, Math.floor(n / targets.length));
      changes.push(
        client.change(target.apiKey, 'POST', path, body).then(({ ledgerEntryId }) => {
          answered.set(ledgerEntryId as string, performance.now());
        }),
      );
    });
    await Promise.all(changes);
    const anchored = await watch.untilCovered([...answered.keys()]);
    return [...answered].map(([id, at]) => Math.max(0, (anchored.get(id) as number) - at)).sort((a, b) => a - b);
  } finally {
    await watch.stop();
    await database.end();
  }
}

/** Sees when the anchored part of the log grew. */
class AnchorWatch {
  private readonly seen: { size: number; at: number }[] = [];
  private readonly looking: Promise<void>;
  private ended = false;

  constructor(private readonly database: pg.Client) {
    this.looking = this.look();
  }

  async untilAnchored(size: number): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    while ((this.seen.at(-1)?.size ?? 0) < size) {
      if (performance.now() > end) throw new Error(`no anchor of ${size} entries within ${PATIENCE_MS} ms`);
      await pause();
    }
  }

  /** When each entry was first covered by a final anchor, by the clock of `performance`. */
  async untilCovered(entryIds: string[]): Promise<Map<string, number>> {
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const { rows } = await this.database.query<{ id: string; index: number }>(
        'SELECT entry_id AS id, leaf_index::int AS index FROM ledger_leaf WHERE entry_id = ANY($1::text[])',
        [entryIds],
      );
      const newest = this.seen.at(-1)?.size ?? 0;
      if (rows.length === entryIds.length && rows.every(({ index }) => index < newest)) {
        return new Map(rows.map(({ id, index }) => [id, this.seen.find(({ size }) => size > index)?.at ?? 0]));
      }
      if (performance.now() > end) throw new Error(`not every entry is anchored within ${PATIENCE_MS} ms`);
      await pause();
    }
  }

  async stop(): Promise<void> {
    this.ended = true;
    await this.looking;
  }

  private async look(): Promise<void> {
    while (!this.ended) {
      const { rows } = await this.database.query<{ size: number | null }>(
        `SELECT max(size)::int AS size FROM anchor WHERE state = 'final'`,
      );
      const size = rows[0]?.size ?? 0;
      if (size > (this.seen.at(-1)?.size ?? 0)) this.seen.push({ size, at: performance.now() });
      await pause();
    }
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
}

function share(ascending: readonly number[], part: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * part))] as number;
}
