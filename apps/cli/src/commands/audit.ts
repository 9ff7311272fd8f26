import type { Command } from 'commander';
import type { BundleReport } from '#proof';
import { UsageError } from '../cli-errors.js';
import { type CommandContext, handled } from '../command-context.js';
import type { Terminal } from '../terminal.js';
import { readRootKey, readViewKey } from './tenant-keys.js';
import { printReport } from './verification-output.js';
import { withLogOptions } from './verify.js';

export function addAudit(program: Command, terminal: Terminal): void {
  const command = program
    .command('audit')
    .description("prove that a tenant's list of changes is whole: nothing changed, nothing left out")
    .requiredOption('--tenant <id>', 'whose list')
    .requiredOption('--view-key <file>', 'the tenant\'s view key, or the file that "freehold tenant create" wrote')
    .option('--root-key <file>', "the tenant's root key; taken from the same file when it is there")
    .option('--bundle <file>', 'audit this file in place of asking the API');
  handled(withLogOptions(command), terminal, audit);
}

async function audit(context: CommandContext, _args: string[], options: Record<string, unknown>): Promise<void> {
  const pins = readViewKey(options.viewKey as string);
  const rootPublicKey = options.rootKey === undefined ? pins.rootPublicKey : readRootKey(options.rootKey as string);
  const { openDocument, recognise } = await import('../verify/open-document.js');
  const { verifyDocument } = await import('../verify/verify-document.js');
  const document =
    options.bundle === undefined
      ? await recognise(await context.api().stream({ method: 'GET', path: '/v1/ledger/bundle' }))
      : await openDocument(options.bundle as string);
  if (document.kind !== 'bundle') throw new UsageError('this is no audit bundle');
  const { env } = context.terminal;
  const report = await verifyDocument<BundleReport>(document, {
    env,
    log: options,
    viewKey: pins.viewKey,
    rootPublicKey,
  });
  requireTenant(report, options.tenant as string);
  await printReport(context, report);
}

/** The bundle is that of whoever asked. A report that would be about somebody else is not printed as an answer. */
function requireTenant({ tenant }: BundleReport, asked: string): void {
  if (tenant === null || tenant === asked) return;
  throw new UsageError(`the bundle is that of ${tenant}, not of ${asked}: audit with an API key of that tenant`);
}
