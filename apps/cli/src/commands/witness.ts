import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { type CommandContext, handled } from '../command-context.js';
import type { Terminal } from '../terminal.js';

const DEFAULT_FOLDER = '~/.freehold-witness';

/** A witness for other parties to run: it needs no account, no database and no Freehold of its own. */
export function addWitness(program: Command, terminal: Terminal): void {
  const witness = program
    .command('witness')
    .description(
      'run a witness (c2sp.org/tlog-witness): cosign the heads of logs as long as each continues the one before',
    );
  const inFolder = (command: Command) =>
    command.option('--folder <folder>', 'where the witness keeps its key and what it signed', DEFAULT_FOLDER);
  const init = inFolder(witness.command('init'))
    .description('draw the key of a new witness, and print the verifier key to give to others')
    .requiredOption('--name <name>', 'of the witness: a URL without its scheme, for instance witness.example.org/w1')
    .option('--marks <folder>', 'keep the marks that show a restored older copy elsewhere, on another disk or machine');
  handled(init, terminal, initWitness);
  const addLog = inFolder(witness.command('add-log'))
    .description('watch a log, or take further keys of a log that is watched: a running witness takes them too')
    .requiredOption('--vkey <vkey...>', "the log's verifier keys: several when it has rotated");
  handled(addLog, terminal, addLogToWitness);
  const list = inFolder(witness.command('list').alias('ls')).description('list the logs, and how far each has come');
  handled(list, terminal, listLogs);
  const serve = inFolder(witness.command('serve'))
    .description('answer logs over HTTP, until it is told to end')
    .option('--port <port>', 'to listen on; 0 is any free one', portNumber, 7080)
    .option('--host <host>', 'address to listen on; 0.0.0.0 makes it reachable from outside', '127.0.0.1');
  handled(serve, terminal, serveUntilTold);
}

async function initWitness(context: CommandContext, _args: string[], options: Record<string, unknown>): Promise<void> {
  const { WitnessFolder } = await import('../witness/witness-folder.js');
  const folder = folderOf(options);
  const witness = await WitnessFolder.init(folder, options.name as string, options.marks as string | undefined);
  await context.printer.item({ name: options.name, vkey: witness.vkey, folder });
  context.printer.note(
    'The key never leaves this folder, and the folder is never restored from a copy: make a new witness.',
  );
}

async function addLogToWitness(
  context: CommandContext,
  _args: string[],
  options: Record<string, unknown>,
): Promise<void> {
  const { formatVkey } = await import('#merkle');
  const { WitnessFolder } = await import('../witness/witness-folder.js');
  const folder = await WitnessFolder.open(folderOf(options));
  const { origin, keys } = await folder.addLog(options.vkey as string[]);
  await context.printer.item({ origin, vkeys: keys.map(formatVkey) });
}

async function listLogs(context: CommandContext, _args: string[], options: Record<string, unknown>): Promise<void> {
  const { toHex } = await import('#merkle');
  const { WitnessFolder } = await import('../witness/witness-folder.js');
  const folder = await WitnessFolder.open(folderOf(options));
  const rows = (await folder.heads()).map(({ origin, size, root, time, keys }) => ({
    origin,
    size,
    root: toHex(root),
    cosignedAt: time === 0 ? null : new Date(time * 1000).toISOString(),
    keys: keys.length,
  }));
  await context.printer.list(rows, ['origin', 'size', 'root', 'cosignedAt', 'keys']);
}

async function serveUntilTold(
  context: CommandContext,
  _args: string[],
  options: Record<string, unknown>,
): Promise<void> {
  const { WitnessFolder } = await import('../witness/witness-folder.js');
  const { Witness } = await import('../witness/witness.js');
  const { serveWitness } = await import('../witness/witness-server.js');
  const folder = await WitnessFolder.open(folderOf(options));
  const unlock = folder.lockForServing();
  try {
    const told = toldToEnd();
    const witness = await Witness.open(folder);
    const failed = (error: unknown) =>
      context.printer.note(`error: ${error instanceof Error ? error.message : 'unknown'}`);
    const server = await serveWitness(witness, { port: options.port as number, host: options.host as string, failed });
    await context.printer.document({ name: folder.key.key.name, vkey: folder.vkey, url: server.url });
    await told;
    await server.close();
  } finally {
    unlock();
  }
}

function toldToEnd(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}

function folderOf({ folder }: Record<string, unknown>): string {
  return folder === DEFAULT_FOLDER ? join(homedir(), DEFAULT_FOLDER.slice(2)) : (folder as string);
}

function portNumber(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError('It is a number from 0 to 65535.');
  return port;
}
