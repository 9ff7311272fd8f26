import { execFileSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { ApiClient } from '../faults/api-client.js';
import { RealStack } from '../faults/real-stack.js';
import { untilFound } from '../faults/until-found.js';
import { headFileOf, untilAnchored } from '../faults/wait-published.js';

const PATIENCE_MS = 300_000;
const NOTICED_WITHIN_MS = 60_000;

let stack: RealStack;
let copy: string;
beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'freehold-restored-'));
  copy = join(folder, 'older-copy');
  const environment = { FREEHOLD_ANCHOR_INTERVAL_MS: '300' };
  stack = await RealStack.prepare({ folder, apis: 1, workers: 1, environment });
});
afterAll(() => stack?.destroy(), PATIENCE_MS);

/** With owners and times: the server's account must find its files its own. */
function copyWhole(from: string, to: string): void {
  execFileSync('cp', ['-a', from, to]);
}

async function createTenant(name: string): Promise<{ client: ApiClient; entryId: string }> {
  const operator = new ApiClient(stack.apiUrls, stack.operatorKey);
  const body = {
    name,
    rootPublicKey: randomBytes(32).toString('base64'),
    viewKey: randomBytes(32).toString('base64'),
  };
  const reply = await operator.change({ method: 'POST', path: '/v1/system/tenants', body, key: randomUUID() });
  expect([reply.status, reply.body]).toEqual([201, expect.anything()]);
  return { client: operator, entryId: reply.body.ledgerEntryId };
}

/** What was signed so far, by everything that leaves a trace in the database. */
async function signedSoFar(): Promise<unknown> {
  const client = new pg.Client({ connectionString: stack.systemUrl() });
  await client.connect();
  try {
    const { rows } = await client.query(
      `SELECT (SELECT count(*)::int FROM ledger_checkpoint) AS checkpoints, (SELECT count(*)::int FROM ledger_leaf) AS leaves,
              (SELECT size::int FROM ledger_head) AS size, (SELECT count(*)::int FROM chain_transaction) AS transactions`,
    );
    return rows[0];
  } finally {
    await client.end();
  }
}

/** The worker's readiness, as soon as it is that of a halted sequencer. */
function haltedReadiness(): Promise<{ status: number; body: string }> {
  const look = async () => {
    const reply = await fetch(`${stack.workerUrls[0]}/readyz`).catch(() => null);
    const body = (await reply?.text()) ?? '';
    return reply?.status === 503 && body.includes('sequencer') ? { status: reply.status, body } : null;
  };
  return untilFound('the worker says that it halted', look, NOTICED_WITHIN_MS);
}

describe('a database that was restored from an older copy', () => {
  it(
    'is noticed before anything is signed, and said clearly',
    async () => {
      await stack.start();
      const before = await createTenant('Before');
      await untilAnchored(before.client, before.entryId);
      expect(await stack.stop()).toBe(0);
      copyWhole(stack.postgresFolder, copy);

      await stack.start();
      const after = await createTenant('After the copy');
      const newest = await untilAnchored(after.client, after.entryId);
      expect(await stack.stop()).toBe(0);
      const headFile = headFileOf(stack);
      expect(JSON.parse(headFile).checkpoint).toBe(newest);

      rmSync(stack.postgresFolder, { recursive: true });
      copyWhole(copy, stack.postgresFolder);
      await stack.start();
      const { body } = await haltedReadiness();
      expect(body).toMatch(/The ledger is stopped and signs nothing: .* it was restored from an older copy/);
      const signed = await signedSoFar();

      // Changes are still recorded: nothing is lost when the operator finds the newer copy, and nothing gets a place meanwhile.
      const meanwhile = await createTenant('While halted');
      const entry = await meanwhile.client.get(`/v1/ledger/entries/${meanwhile.entryId}`);
      expect([entry.state, entry.index]).toEqual(['recorded', null]);
      expect(await signedSoFar()).toEqual(signed);
      expect(headFileOf(stack)).toBe(headFile);
      expect((await haltedReadiness()).status).toBe(503);
      await stack.stop();
      expect(readFileSync(join(stack.dataDir, 'logs', 'worker.log'), 'utf8')).toContain(
        'it was restored from an older copy',
      );
    },
    PATIENCE_MS,
  );
});
