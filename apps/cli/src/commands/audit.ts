import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import type { BundleReport, HistoryReport, StateHeader } from '#proof';
import { UsageError, WaitEndedError } from '../cli-errors.js';
import { type CommandContext, handled } from '../command-context.js';
import type { ApiClient } from '../connection/api-client.js';
import type { Terminal } from '../terminal.js';
import { writeStream } from './ledger-files.js';
import { readRootKey, readViewKey } from './tenant-keys.js';
import { printReport } from './verification-output.js';
import { withLogOptions } from './verify.js';

const POLL_MS = 250;
const DEFAULT_WAIT_SECONDS = '120';

export function addAudit(program: Command, terminal: Terminal): void {
  const command = program
    .command('audit')
    .description(
      "prove that a tenant's list of changes is whole, that each continues the one before, and that they lead to what the database has now",
    )
    .requiredOption('--tenant <id>', 'whose list')
    .requiredOption('--view-key <file>', 'the tenant\'s view key, or the file that "freehold tenant create" wrote')
    .option('--root-key <file>', "the tenant's root key; taken from the same file when it is there")
    .option('--bundle <file>', 'audit this file in place of asking the API; without --state, nothing is compared')
    .option('--state <file>', 'compare with this state ("freehold ledger state") in place of asking the API')
    .option('--timeout <seconds>', 'how long to wait until the log has what the state knows of', DEFAULT_WAIT_SECONDS);
  handled(withLogOptions(command), terminal, audit);
}

async function audit(context: CommandContext, _args: string[], options: Record<string, unknown>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'freehold-audit-'));
  try {
    const report = await auditIn(folder, context, options);
    requireTenant(report, options.tenant as string);
    await printReport(context, report);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function auditIn(
  folder: string,
  context: CommandContext,
  options: Record<string, unknown>,
): Promise<HistoryReport> {
  const pins = readViewKey(options.viewKey as string);
  const rootPublicKey = options.rootKey === undefined ? pins.rootPublicKey : readRootKey(options.rootKey as string);
  const { openDocument, recognise } = await import('../verify/open-document.js');
  const { verifyDocument } = await import('../verify/verify-document.js');
  const { HistoryAudit } = await import('#proof');
  // The state first: the bundle that is taken afterwards has at least its entries.
  const state = await stateFile(folder, context, options);
  const header = state === null ? null : await headerOf(state);
  if (options.bundle === undefined && header) await coveredBy(context.api(), header, Number(options.timeout));
  const document =
    options.bundle === undefined
      ? await recognise(await context.api().stream({ method: 'GET', path: '/v1/ledger/bundle' }))
      : await openDocument(options.bundle as string);
  if (document.kind !== 'bundle') throw new UsageError('this is no audit bundle');
  const history = new HistoryAudit(header);
  const { env } = context.terminal;
  const { viewKey } = pins;
  const onEntry = history.entry.bind(history);
  const bundle = await verifyDocument<BundleReport>(document, { env, log: options, viewKey, rootPublicKey, onEntry });
  requireSame(bundle, header);
  if (state !== null && bundle.ok) {
    for await (const line of await stateLines(state)) if (line.type === 'resource') history.resource(line.record);
  }
  return history.finish(bundle);
}

/** Where the state is; null when only a bundle was given. */
async function stateFile(
  folder: string,
  context: CommandContext,
  { state, bundle }: Record<string, unknown>,
): Promise<string | null> {
  if (state !== undefined) return state as string;
  if (bundle !== undefined) return null;
  const file = join(folder, 'state.jsonl');
  await writeStream(context.api(), { method: 'GET', path: '/v1/ledger/state' }, file);
  return file;
}

async function stateLines(file: string) {
  const { readLedgerState } = await import('#proof');
  const { openedFile } = await import('../verify/open-document.js');
  return readLedgerState(await openedFile(file));
}

async function headerOf(file: string): Promise<StateHeader> {
  for await (const line of await stateLines(file)) if (line.type === 'header') return line.header;
  throw new UsageError(`${file} has no header: it is no state`);
}

/** Waits until the log has published every entry that the state knows of. @throws WaitEndedError */
async function coveredBy(api: ApiClient, { entryId, pending }: StateHeader, seconds: number): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  for (const id of [...pending, ...(entryId === null ? [] : [entryId])]) {
    for (;;) {
      const { state } = await api.json<{ state: string }>({ method: 'GET', path: `/v1/ledger/entries/${id}` });
      if (state !== 'recorded') break;
      if (!(Date.now() < deadline)) throw new WaitEndedError(`The publication of ${id}`, seconds);
      await delay(POLL_MS);
    }
  }
}

/** The bundle is that of whoever asked. A report that would be about somebody else is not printed as an answer. */
function requireTenant({ tenant }: BundleReport, asked: string): void {
  if (tenant === null || tenant === asked) return;
  throw new UsageError(`the bundle is that of ${tenant}, not of ${asked}: audit with an API key of that tenant`);
}

function requireSame({ tenant }: BundleReport, header: StateHeader | null): void {
  if (tenant === null || header === null || tenant === header.tenant) return;
  throw new UsageError(`the bundle is that of ${tenant}, and the state that of ${header.tenant}`);
}
