import { dirname } from 'node:path';
import { type Command, Option } from 'commander';
import type { VerificationReport } from '#proof';
import { UsageError } from '../cli-errors.js';
import { type CommandContext, handled } from '../command-context.js';
import type { Terminal } from '../terminal.js';
import { readRootKey, readViewKey } from './tenant-keys.js';
import { printReport } from './verification-output.js';

export function addVerify(program: Command, terminal: Terminal): void {
  const command = program
    .command('verify [file]')
    .description(
      'verify a receipt, an audit bundle, a disclosure, an answer about the past or evidence against a log from the file alone: no network, no account, no database; or a log that answers',
    )
    .option('--log <url>', 'a log in place of a file: its prefix (https://.../v1/log), or the address of its API')
    .option('--full', 'of a log: read and hash every tile and every entry', false)
    .addOption(new Option('--bundle <file>', 'as the file alone').hideHelp());
  handled(withEntryOptions(withLogOptions(command)), terminal, verify);
}

/** What is known of the log, and what is demanded. */
export function withLogOptions(command: Command): Command {
  return command
    .option('--vkey <vkey>', 'the verifier key of the log as you know it, or a file that holds it')
    .option('--witness <vkey...>', 'verifier keys of witnesses, or files that hold them')
    .option('--witnesses <k>', 'how many of the witnesses must have signed (all of them unless said)')
    .option('--block <hash>', 'a block of the chain as you know it: the anchor must be proven in it')
    .option(
      '--validators <file>',
      'who seals the blocks of the chain as you know it: the anchor must be proven by them',
    )
    .option('--contract <address>', 'the contract that the log is anchored in as you know it: no other counts')
    .option('--checkpoint <file...>', 'signed checkpoints that you kept from earlier, which must be continued')
    .option('--require-pinned', 'fail unless the key of the log is pinned', false)
    .option(
      '--require-anchor',
      'fail unless it is anchored; with --block or --validators, unless that is proven',
      false,
    );
}

function withEntryOptions(command: Command): Command {
  return command
    .option('--view-key <file>', "the tenant's view key: proves that the list of a bundle is complete")
    .option('--root-key <file>', "the tenant's root key, to which the keys of its users must go back")
    .option('--require-signed', 'fail unless the actor signed (of receipts and disclosures)', false);
}

async function verify(context: CommandContext, [given]: string[], options: Record<string, unknown>): Promise<void> {
  const file = given ?? (options.bundle as string | undefined);
  const log = options.log as string | undefined;
  if ((file === undefined) === (log === undefined) || (given !== undefined && options.bundle !== undefined)) {
    throw new UsageError('name one file, or say --log <url>');
  }
  if (file !== undefined && options.full) throw new UsageError('--full is for --log');
  const report = log === undefined ? await ofFile(context, file!, options) : await ofLog(context, log, options);
  await printReport(context, report);
}

async function ofFile(
  { terminal }: CommandContext,
  path: string,
  options: Record<string, unknown>,
): Promise<VerificationReport> {
  const { openDocument } = await import('../verify/open-document.js');
  const { verifyDocument } = await import('../verify/verify-document.js');
  const keys = options.viewKey === undefined ? null : readViewKey(options.viewKey as string);
  return verifyDocument(await openDocument(path), {
    env: terminal.env,
    log: options,
    folder: dirname(path),
    viewKey: keys?.viewKey,
    rootPublicKey: options.rootKey === undefined ? keys?.rootPublicKey : readRootKey(options.rootKey as string),
    requireSigned: options.requireSigned as boolean,
  });
}

async function ofLog(
  context: CommandContext,
  url: string,
  options: Record<string, unknown>,
): Promise<VerificationReport> {
  const { viewKey, rootKey, requireSigned } = options;
  if (viewKey !== undefined || rootKey !== undefined || requireSigned) {
    throw new UsageError('--view-key, --root-key and --require-signed are for files');
  }
  const { verifyLiveLog } = await import('../verify/verify-live-log.js');
  return verifyLiveLog(context, url, options);
}
