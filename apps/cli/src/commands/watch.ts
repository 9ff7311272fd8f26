import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { CredentialMissingError, VerificationFailedError } from '../cli-errors.js';
import { type CommandContext, handled } from '../command-context.js';
import type { ApiClient } from '../connection/api-client.js';
import { Profiles } from '../connection/profiles.js';
import { EXIT } from '../exit-codes.js';
import { printable } from '../output/table.js';
import type { Terminal } from '../terminal.js';
import type { Finding } from '../watch/finding.js';
import { readViewKey } from './tenant-keys.js';

interface WatchOptions {
  once: boolean;
  promises?: string[];
  vkey?: string;
  witness?: string[];
  witnesses?: number;
  viewKey?: string;
  evidence: string;
  interval: number;
  silence: number;
}

export function addWatch(program: Command, terminal: Terminal): void {
  const command = program
    .command('watch')
    .description(
      'follow the promises that were given with changes, and the log itself; turn what is broken into evidence',
    )
    .option('--once', 'look once, and end', false)
    .option('--promises <file...>', 'promises to follow beside those that this command was given')
    .option('--vkey <vkey>', 'the verifier key of the log as you know it, or a file that holds it')
    .option('--witness <witness...>', 'a witness that you trust: "<vkey>", or "<vkey> <url>" to ask it as well')
    .option('--witnesses <k>', 'how many of them must say so; all of them unless given', wholeNumber)
    .option('--view-key <file>', "the tenant's view key: shows that an entry is not in the log")
    .option('--evidence <folder>', 'where evidence is written', '.')
    .option('--interval <seconds>', 'between two looks', atLeastOne, 5)
    .option('--silence <seconds>', 'how long the log may not answer', wholeNumber, 300);
  handled(command, terminal, (context, _args, options) => watch(context, options as unknown as WatchOptions));
}

async function watch(context: CommandContext, options: WatchOptions): Promise<void> {
  const look = await prepare(context, options);
  const ended = new AbortController();
  const end = () => ended.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end);
  const alarms: Finding[] = [];
  try {
    for (;;) {
      alarms.push(...(await look()));
      if (options.once) break;
      await delay(options.interval * 1000, undefined, { signal: ended.signal }).catch(() => undefined);
      if (ended.signal.aborted) break;
    }
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, end);
  }
  const [first] = alarms;
  if (!first) return;
  const split = alarms.some(({ kind }) => kind === 'equivocated');
  throw new VerificationFailedError(first.detail, split ? EXIT.inconsistent : EXIT.verification);
}

/** @returns what looks once, tells what it found, and gives the alarms */
async function prepare(context: CommandContext, options: WatchOptions): Promise<() => Promise<Finding[]>> {
  const { formatVkey } = await import('#merkle');
  const { policyOf, trustedWitness } = await import('../watch/fresh-cosignatures.js');
  const { EvidenceFolder } = await import('../watch/evidence-folder.js');
  const { LogSource } = await import('../watch/log-source.js');
  const { PromiseStore, promisesOfFile } = await import('../watch/promise-store.js');
  const { Watch } = await import('../watch/watch.js');
  const { WatchState } = await import('../watch/watch-state.js');
  const { WatchedHead } = await import('../watch/watched-head.js');
  const { WatchedPromises } = await import('../watch/watched-promises.js');
  const { isAlarm } = await import('../watch/finding.js');
  const { knownLog } = await import('../verify/known-log.js');
  const { TrustStore } = await import('../verify/trust-store.js');
  const viewKey = options.viewKey === undefined ? undefined : readViewKey(options.viewKey).viewKey;
  const named = options.witness?.map(trustedWitness);
  const threshold = options.witnesses;
  if (threshold !== undefined)
    policyOf(
      (named ?? []).map(({ key }) => formatVkey(key)),
      threshold,
    );
  const { env } = context.terminal;
  const home = dirname(new Profiles(env).path);
  const source = new LogSource(context.openApi(), credentialed(context));
  const shown = await source.overview();
  const { trust, pinnedLog } = await knownLog({ vkey: options.vkey }, new TrustStore(env), shown.origin);
  const witnesses = named ?? (pinnedLog?.witnesses ?? []).map(trustedWitness);
  const policy = policyOf(
    witnesses.map(({ key }) => formatVkey(key)),
    threshold ?? (named ? undefined : pinnedLog?.threshold),
  );
  const state = WatchState.open(join(home, 'watch'), { ...shown, pin: trust.log });
  if (trust.log === undefined) context.printer.note(`the log's key: ${state.log.vkey} (pin it: "freehold trust add")`);
  const evidence = new EvidenceFolder(options.evidence);
  const head = new WatchedHead(source, state, (name, document) => evidence.write(name, document));
  const promises = new WatchedPromises(source, state, head, evidence, { witnesses, policy, viewKey });
  const watched = new Watch(state, head, promises, { silentSeconds: options.silence });
  const store = new PromiseStore(join(home, 'promises'));
  return async () => {
    const kept = [...store.of(state.log.origin), ...(options.promises ?? []).flatMap(promisesOfFile)];
    const findings = await watched.look(kept);
    for (const finding of findings) tell(context, finding, isAlarm(finding));
    return findings.filter(isAlarm);
  };
}

/** Receipts belong to a tenant; the log itself can be watched by anybody. */
function credentialed(context: CommandContext): ApiClient | null {
  try {
    return context.api();
  } catch (error) {
    if (!(error instanceof CredentialMissingError)) throw error;
    context.printer.note('There is no API key: the log is watched, and no receipt can be had.');
    return null;
  }
}

function tell({ printer, terminal }: CommandContext, finding: Finding, alarm: boolean): void {
  if (printer.format !== 'table') {
    terminal.out(`${JSON.stringify({ at: new Date().toISOString(), alarm, ...finding })}\n`);
    return;
  }
  const { paint } = printer;
  const mark = alarm
    ? paint.bad('✗')
    : finding.kind === 'pending' || finding.kind === 'not-asked'
      ? paint.warn('·')
      : paint.good('✓');
  const about = [finding.entryId, finding.detail, finding.file && `(${finding.file})`].filter(Boolean).join('  ');
  terminal.out(`${mark} ${paint.bold(finding.kind.padEnd(KIND_WIDTH))} ${printable(about)}\n`);
}

const KIND_WIDTH = 13;

function atLeastOne(text: string): number {
  const value = wholeNumber(text);
  if (value < 1) throw new InvalidArgumentError('It is at least 1.');
  return value;
}

function wholeNumber(text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new InvalidArgumentError('It is a whole number.');
  return Number(text);
}
