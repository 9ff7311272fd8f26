import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { WaitEndedError } from '../cli-errors.js';
import { writeBundle } from '../commands/ledger-files.js';
import { EXIT } from '../exit-codes.js';
import { formatBytes } from '../output/amounts.js';
import type { DemoTenant, DemoWorld } from './network-act.js';
import { tamperCopy } from './tamper.js';
import { verifyApart } from './verify-apart.js';

export interface ProofOutcome {
  entries: number;
  anchored: number;
  /** Entries of changes that their actors signed. */
  signed: number;
  verified: boolean;
  tamperDetected: boolean;
}

interface EntryReply {
  id: string;
  state: 'recorded' | 'published' | 'anchored';
  vouched: { mode: 'custodial' | 'signed' } | null;
}

const ANCHORED_WITHIN_S = 90;
const POLL_MS = 200;

/** Waits until every entry is anchored, verifies each tenant's bundle apart from everything, and forges one. */
export async function proveEverything(world: DemoWorld, tenants: DemoTenant[]): Promise<ProofOutcome> {
  const { stage } = world;
  const lists = await stage.step(
    () => Promise.all(tenants.map(allAnchored)),
    (all) => `${sum(all.map((list) => list.length))} entries of the ledger are anchored in the chain`,
  );
  const { vkey } = await tenants[0]!.api.json<{ vkey: string }>({ method: 'GET', path: '/v1/log' });
  const verdicts: boolean[] = [];
  for (const tenant of tenants) verdicts.push(await verifyTenant(world, tenant, vkey));
  const entries = lists.flat();
  return {
    entries: entries.length,
    anchored: entries.filter(({ state }) => state === 'anchored').length,
    signed: entries.filter(({ vouched }) => vouched?.mode === 'signed').length,
    verified: verdicts.every(Boolean),
    tamperDetected: await forge(world, tenants[0]!, vkey),
  };
}

/** The list has what is in the log: an entry that was recorded just now comes to it a moment later. @throws WaitEndedError */
async function allAnchored({ api, ledgerEntryId }: DemoTenant): Promise<EntryReply[]> {
  const deadline = Date.now() + ANCHORED_WITHIN_S * 1000;
  while (Date.now() < deadline) {
    const { items } = await api.list<EntryReply>('/v1/ledger/entries');
    const hasLast = items.some(({ id }) => id === ledgerEntryId);
    if (hasLast && items.every(({ state }) => state === 'anchored')) return items;
    await delay(POLL_MS);
  }
  throw new WaitEndedError('The anchor of every entry', ANCHORED_WITHIN_S);
}

function bundleOf({ folder }: DemoWorld, { id }: DemoTenant): string {
  return join(folder, `${id}.bundle.jsonl`);
}

async function verifyTenant(world: DemoWorld, tenant: DemoTenant, vkey: string): Promise<boolean> {
  const { stage } = world;
  const file = bundleOf(world, tenant);
  await stage.step(
    () => writeBundle(tenant.api, file, 'anchored'),
    (bytes) => `audit bundle of ${tenant.name}: ${formatBytes(bytes)}`,
  );
  const { exitCode, report } = await stage.step(
    () => verifyApart(file, ['--vkey', vkey, '--view-key', tenant.keyFile, '--root-key', tenant.keyFile]),
    ({ report }) =>
      report.ok
        ? `verified in a process of its own, without network: ${report.entries} entries, whole and complete`
        : `NOT verified: ${report.firstBad?.detail}`,
  );
  const actors = report.steps.find(({ step }) => step === 'actor');
  if (actors) stage.show(actors.detail);
  if (report.ok) stage.show(`freehold verify --bundle ${file} --view-key ${tenant.keyFile}`);
  return exitCode === EXIT.ok && report.ok && report.complete && report.anchored;
}

/** Changes one byte of a copy: the verifier must name the entry. */
async function forge(world: DemoWorld, tenant: DemoTenant, vkey: string): Promise<boolean> {
  const { stage } = world;
  const copy = join(world.folder, 'forged.bundle.jsonl');
  const forged = await stage.step(
    async () => tamperCopy(bundleOf(world, tenant), copy),
    ({ entryId, before, after }) => `one byte of a copy changed: ${entryId} now says ${after} instead of ${before}`,
  );
  const { exitCode, report } = await stage.step(
    () => verifyApart(copy, ['--vkey', vkey]),
    ({ report }) =>
      report.ok ? 'NOT noticed' : `found out: entry ${report.firstBad?.entryId} at index ${report.firstBad?.index}`,
  );
  if (report.firstBad) stage.show(report.firstBad.detail);
  return exitCode === EXIT.verification && report.firstBad?.entryId === forged.entryId;
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
