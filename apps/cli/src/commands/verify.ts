import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { UsageError } from '../cli-errors.js';
import { type CommandContext, handled } from '../command-context.js';
import type { Terminal } from '../terminal.js';
import { readRootKey, readText, readViewKey } from './tenant-keys.js';
import { printReport } from './verification-output.js';

export function addVerify(program: Command, terminal: Terminal): void {
  const command = program
    .command('verify [receipt]')
    .description('verify a receipt, or an audit bundle, from the file alone: no network, no account, no database')
    .option('--bundle <file>', 'an audit bundle in place of a receipt')
    .option('--vkey <vkey>', 'the verifier key of the log as you know it, or a file that holds it')
    .option('--view-key <file>', "the tenant's view key: proves that the list of entries is complete")
    .option('--root-key <file>', "the tenant's root key, held against its first entry")
    .option('--checkpoint <file...>', 'signed checkpoints that you kept from earlier: the bundle must continue them')
    .option('--require-anchor', 'fail unless the receipt carries an anchor', false);
  handled(command, terminal, verify);
}

async function verify(context: CommandContext, [receipt]: string[], options: Record<string, unknown>): Promise<void> {
  const bundle = options.bundle as string | undefined;
  if ((receipt === undefined) === (bundle === undefined)) {
    throw new UsageError('name one receipt, or say --bundle <file>');
  }
  const report = receipt === undefined ? await ofBundle(bundle!, options) : await ofReceipt(receipt, options);
  await printReport(context, report);
}

async function ofReceipt(path: string, options: Record<string, unknown>) {
  if (options.rootKey !== undefined || options.checkpoint !== undefined) {
    throw new UsageError('--root-key and --checkpoint are for bundles');
  }
  const { nodeCrypto, verifyReceipt } = await import('#proof');
  const document = await readFile(path).catch((error: NodeJS.ErrnoException) => unreadable(path, error));
  return verifyReceipt(document, {
    crypto: nodeCrypto,
    log: pinOf(options.vkey as string | undefined),
    viewKey: viewKeyOf(options),
    requireAnchor: options.requireAnchor as boolean,
  });
}

async function ofBundle(path: string, options: Record<string, unknown>) {
  if (options.requireAnchor) throw new UsageError('--require-anchor is for receipts');
  const { nodeCrypto, verifyBundle } = await import('#proof');
  const kept = (options.checkpoint as string[] | undefined) ?? [];
  return verifyBundle(await openFile(path), {
    crypto: nodeCrypto,
    log: pinOf(options.vkey as string | undefined),
    viewKey: viewKeyOf(options),
    rootPublicKey: options.rootKey === undefined ? undefined : readRootKey(options.rootKey as string),
    knownCheckpoints: kept.map((file) => readText(file, 'a checkpoint')),
  });
}

/** Opened before it is read, so that a file that is not there is no failed verification. */
export async function openFile(path: string): Promise<AsyncIterable<Uint8Array>> {
  const stream = createReadStream(path);
  await new Promise<void>((resolve, reject) => {
    stream.once('open', () => resolve());
    stream.once('error', reject);
  }).catch((error: NodeJS.ErrnoException) => unreadable(path, error));
  return stream;
}

function unreadable(path: string, error: NodeJS.ErrnoException): never {
  throw new UsageError(`${path} cannot be read: ${error.code}`);
}

/** A verifier key as it stands, or a file that holds one. A key has a `+`, which few files have in their names. */
export function pinOf(given: string | undefined): string | undefined {
  if (given === undefined || /^\S+\+[0-9a-f]{8}\+\S+$/.test(given)) return given;
  return readText(given, "the log's verifier key").trim();
}

function viewKeyOf({ viewKey }: Record<string, unknown>): Uint8Array | undefined {
  return viewKey === undefined ? undefined : readViewKey(viewKey as string).viewKey;
}
