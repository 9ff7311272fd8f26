import { createWriteStream } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { WaitEndedError } from '../cli-errors.js';
import { type CommandContext, handled } from '../command-context.js';
import type { ApiClient, ApiRequest } from '../connection/api-client.js';
import { RemoteProblem } from '../migrate/client-errors.js';
import type { Row } from '../output/printer.js';
import { noteChange } from '../resources/resource-commands.js';
import type { Terminal } from '../terminal.js';

export const LEDGER_FILE_ROUTES = [
  'GET /v1/ledger/entries/{entryId}/receipt',
  'GET /v1/ledger/bundle',
  'GET /v1/ledger/state',
  'POST /v1/ledger/disclosures',
];

const POLL_MS = 250;
const DEFAULT_WAIT_SECONDS = '120';

export function addLedgerFiles(group: Command, terminal: Terminal): void {
  const receipt = group
    .command('receipt <entry-id>')
    .description('take the receipt of an entry: everything that proves it offline')
    .option('-f, --file <file>', 'where to; the standard output when absent')
    .option('--wait', 'wait until a chain has the entry', false)
    .option('--timeout <seconds>', 'how long to wait', DEFAULT_WAIT_SECONDS);
  handled(receipt, terminal, takeReceipt);
  const bundle = group
    .command('bundle')
    .description("take the audit bundle: the open log and the tenant's entries")
    .option('-f, --file <file>', 'where to; the standard output when absent')
    .addOption(
      new Option('--up-to <head>', 'ends at this head').choices(['published', 'anchored']).default('published'),
    );
  handled(bundle, terminal, takeBundle);
  const state = group
    .command('state')
    .description('take the present state of every resource as the ledger tells it, for "freehold audit --state"')
    .requiredOption('-f, --file <file>', 'where to');
  handled(state, terminal, takeState);
  const disclosure = group
    .command('disclose <entry-id...>')
    .description('open entries for somebody else, as a document that verifies offline; recorded in your ledger')
    .requiredOption('--recipient <text>', 'to whom, for your own auditors')
    .option('--evidence', 'show the signed requests behind the entries, too', false)
    .option('-f, --file <file>', 'where to; the standard output when absent');
  handled(disclosure, terminal, disclose);
}

/** What is shown of a disclosure beside its document. */
async function disclose(context: CommandContext, entryIds: string[], options: Record<string, unknown>): Promise<void> {
  const { recipient, evidence: includeEvidence, file } = options;
  const request = { method: 'POST', path: '/v1/ledger/disclosures', ...context.changeOptions() };
  const reply = await context.api().json<Row>({ ...request, body: { entryIds, recipient, includeEvidence } });
  noteChange(context, reply);
  if (reply.disclosure === null) return;
  const text = `${JSON.stringify(reply.disclosure, null, 2)}\n`;
  if (file === undefined) return context.printer.text(text);
  await writeFile(file as string, text, { mode: 0o600 });
  context.printer.note(`${file as string}: ${entryIds.length} entries for ${recipient as string}`);
}

async function takeState(context: CommandContext, _args: string[], { file }: Record<string, unknown>): Promise<void> {
  const bytes = await writeStream(context.api(), { method: 'GET', path: '/v1/ledger/state' }, file as string);
  context.printer.note(`${file as string}: ${bytes} bytes`);
}

async function takeReceipt(context: CommandContext, [id]: string[], options: Record<string, unknown>): Promise<void> {
  const { printer } = context;
  const api = context.api();
  const seconds = Number(options.timeout);
  const receipt = options.wait ? await anchoredReceipt(api, id!, seconds) : await receiptOf(api, id!);
  const text = `${JSON.stringify(receipt, null, 2)}\n`;
  if (options.file === undefined) return printer.text(text);
  await writeFile(options.file as string, text);
  const { anchor, index } = receipt;
  const state = anchor ? `anchored in block ${anchor.blockNumber} of chain ${anchor.chainId}` : 'its anchor is pending';
  printer.note(`${options.file as string}: ${id} at index ${index} of the log, ${state}`);
}

/** @throws WaitEndedError */
export async function anchoredReceipt(api: ApiClient, id: string, seconds: number): Promise<Row> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const receipt = await receiptOf(api, id).catch((error: unknown) => {
      if (error instanceof RemoteProblem && error.code === 'ReceiptNotReady') return null;
      throw error;
    });
    if (receipt?.anchor) return receipt;
    if (!(Date.now() < deadline)) throw new WaitEndedError(`The anchor of ${id}`, seconds);
    await delay(POLL_MS);
  }
}

function receiptOf(api: ApiClient, id: string): Promise<Row> {
  return api.json<Row>({ method: 'GET', path: `/v1/ledger/entries/${encodeURIComponent(id)}/receipt` });
}

async function takeBundle(context: CommandContext, _args: string[], options: Record<string, unknown>): Promise<void> {
  const upTo = options.upTo as string;
  if (options.file !== undefined) {
    const bytes = await writeBundle(context.api(), options.file as string, upTo);
    return context.printer.note(`${options.file as string}: ${bytes} bytes`);
  }
  const chunks = await context.api().stream({ method: 'GET', path: '/v1/ledger/bundle', query: { upTo } });
  const decoder = new TextDecoder();
  for await (const chunk of chunks) context.terminal.out(decoder.decode(chunk, { stream: true }));
}

/** Writes the bundle whole or not at all. @returns its bytes */
export function writeBundle(api: ApiClient, file: string, upTo: string): Promise<number> {
  return writeStream(api, { method: 'GET', path: '/v1/ledger/bundle', query: { upTo } }, file);
}

/** Writes a long reply whole or not at all. @returns its bytes */
export async function writeStream(api: ApiClient, request: ApiRequest, file: string): Promise<number> {
  const chunks = await api.stream(request);
  const draft = `${file}.part`;
  const target = createWriteStream(draft, { mode: 0o600 });
  try {
    await pipeline(Readable.from(chunks), target);
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  return target.bytesWritten;
}
