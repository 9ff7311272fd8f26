import type { Command } from 'commander';
import { type CommandContext, handled } from '../command-context.js';
import type { Terminal } from '../terminal.js';
import type { TrustedLog } from '../verify/trust-store.js';
import { readText } from './tenant-keys.js';

/** Which logs are trusted on this machine. What a trusted log showed is kept, and held against what it shows later. */
export function addTrust(program: Command, terminal: Terminal): void {
  const trust = program
    .command('trust')
    .description('pin logs: their keys, their witnesses, and what they showed, for every later "freehold verify"');
  const add = trust
    .command('add <vkey>')
    .description('pin a log by its verifier key, or a file that holds it; again, to give it other witnesses')
    .option('--witness <vkey...>', 'verifier keys of witnesses that must sign its heads, or files that hold them')
    .option('--witnesses <k>', 'how many of them (all of them unless said)')
    .option(
      '--checkpoint <file>',
      'a signed checkpoint of the log that you kept: what it shows later must continue it',
    );
  handled(add, terminal, addLog);
  const list = trust.command('list').alias('ls').description('list the pinned logs and how far each was seen');
  handled(list, terminal, listLogs);
  const remove = trust.command('remove <origin>').alias('rm').description('forget a log and all that it showed');
  handled(remove, terminal, removeLog);
}

async function addLog(context: CommandContext, [vkey]: string[], options: Record<string, unknown>): Promise<void> {
  const { formatVkey } = await import('#merkle');
  const { logKeyOf, policyOf } = await import('../verify/known-log.js');
  const { verifiedCheckpoint } = await import('../verify/kept-checkpoint.js');
  const store = await storeOf(context);
  const key = await logKeyOf(vkey!);
  // Who says nothing of witnesses does not mean to give up those that are demanded.
  const policy = await policyOf(options, store.find(key.name));
  const file = options.checkpoint as string | undefined;
  const checkpoint = file === undefined ? null : await verifiedCheckpoint(readText(file, 'the checkpoint'), key);
  const log = store.add({
    origin: key.name,
    vkey: formatVkey(key),
    witnesses: policy?.witnesses.map(formatVkey) ?? [],
    threshold: policy?.threshold ?? 0,
  });
  if (checkpoint) store.remember(key.name, checkpoint, []);
  await context.printer.item(row(store.find(key.name) ?? log));
  context.printer.note(`Every "freehold verify" of ${key.name} is held against this key now (${store.path}).`);
}

async function listLogs(context: CommandContext): Promise<void> {
  const store = await storeOf(context);
  await context.printer.list(store.list().map(row), ['origin', 'vkey', 'seen', 'witnesses']);
}

async function removeLog(context: CommandContext, [origin]: string[]): Promise<void> {
  const store = await storeOf(context);
  const known = store.find(origin!);
  if (known) await context.confirm(`forget the key of ${origin} and what it showed`);
  store.remove(origin!);
  context.printer.note(`${origin} is not trusted any more.`);
}

async function storeOf({ terminal }: CommandContext) {
  const { TrustStore } = await import('../verify/trust-store.js');
  return new TrustStore(terminal.env);
}

function row({ origin, vkey, witnesses, threshold, seen }: TrustedLog) {
  return {
    origin,
    vkey,
    seen: seen.map(({ size }) => size),
    witnesses: witnesses.length === 0 ? [] : [`${threshold} of ${witnesses.length}`, ...witnesses],
  };
}
