import type { Command } from 'commander';
import { UsageError } from '../cli-errors.js';
import { type CommandContext, handled } from '../command-context.js';
import type { MigrateProgress } from '../migrate/migrate-folder.js';
import type { RestoreProgress } from '../migrate/restore-dataset.js';
import { formatBytes } from '../output/amounts.js';
import { ProgressBar } from '../output/progress.js';
import type { Terminal } from '../terminal.js';
import { addDataClientOptions, collect } from './data-client-options.js';

/** Routes that only make sense as steps of a move, and are commands of no other kind. */
export const MIGRATE_ROUTES = [
  'POST /v1/migrations/{migrationId}/segments',
  'PUT /v1/migrations/{migrationId}/manifest',
  'PUT /v1/datasets/{datasetId}/key',
];

export function addMigrate(program: Command, terminal: Terminal): void {
  const migrate = program
    .command('migrate <folder>')
    .description('move a folder into a dataset, encrypted on this machine; interrupted, the next run goes on')
    .requiredOption('--dataset <name>', 'made when there is none of this name')
    .option('--recipient <age1...|file>', 'who can open a new dataset; two of them, kept apart', collect)
    .option('--no-recovery', 'be content with a single recipient: when its identity is lost, so is the data')
    .option('--skip-unreadable', 'leave out what cannot be read, and list it', false);
  addDataClientOptions(migrate);
  handled(migrate, terminal, runMigrate);
  const restore = program
    .command('restore <dataset> <folder>')
    .description('bring a dataset back into a folder that is new or empty')
    .option('--manifest-version <n>', 'an earlier version; the newest when absent')
    .option('--signer <hex>', 'a public key whose versions are accepted besides your own; may be repeated', collect)
    .option('--allow-outside-links', 'also make links that lead out of the folder', false);
  addDataClientOptions(restore);
  handled(restore, terminal, runRestore);
}

async function runMigrate(
  context: CommandContext,
  [folder]: string[],
  options: Record<string, unknown>,
): Promise<void> {
  refuseDryRun(context);
  const [{ dataClient, readIdentities, readRecipients }, { migrateFolder }, { SegmentTransfer }] = await Promise.all([
    import('./data-client.js'),
    import('../migrate/migrate-folder.js'),
    import('../migrate/segment-transfer.js'),
  ]);
  const transfer = new SegmentTransfer();
  const bar = new ProgressBar(context.terminal);
  try {
    const result = await migrateFolder({
      ...dataClient(context.api(), options),
      transfer,
      folder: folder!,
      datasetName: options.dataset as string,
      recipients: readRecipients(options),
      noRecovery: options.recovery === false,
      identities: readIdentities(options),
      skipUnreadable: options.skipUnreadable as boolean,
      onProgress: (progress) => showMigrate(bar, progress),
    });
    bar.clear();
    await context.printer.item(result);
  } finally {
    bar.clear();
    transfer.close();
  }
}

export function showMigrate(bar: ProgressBar, progress: MigrateProgress): void {
  const { phase, bytes, total, uploadedBytes, placedSegments, segments, waiting } = progress;
  const placing = phase === 'placing' ? [`${placedSegments} of ${segments} segments placed`] : [];
  const detail = [`${formatBytes(uploadedBytes)} sent`, ...placing, ...waiting].join(', ');
  bar.show(phase, bytes, total.bytes, detail);
}

async function runRestore(context: CommandContext, args: string[], options: Record<string, unknown>): Promise<void> {
  refuseDryRun(context);
  const [datasetName, folder] = args as [string, string];
  const [{ dataClient, readIdentities }, { restoreDataset }, { SegmentTransfer }] = await Promise.all([
    import('./data-client.js'),
    import('../migrate/restore-dataset.js'),
    import('../migrate/segment-transfer.js'),
  ]);
  const client = dataClient(context.api(), options);
  const transfer = new SegmentTransfer();
  const bar = new ProgressBar(context.terminal);
  try {
    const result = await restoreDataset({
      ...client,
      transfer,
      datasetName,
      folder,
      manifestVersion: versionOf(options.manifestVersion),
      identities: readIdentities(options),
      trustedSigners: [client.signer.publicKey, ...signersOf(options.signer)],
      allowOutsideLinks: options.allowOutsideLinks as boolean,
      onProgress: (progress) => showRestore(bar, progress),
    });
    bar.clear();
    await context.printer.item(result);
  } finally {
    bar.clear();
    transfer.close();
  }
}

export function showRestore(bar: ProgressBar, { phase, bytes, totalBytes, files, totalFiles }: RestoreProgress): void {
  bar.show(phase, bytes, totalBytes, totalFiles > 0 ? `${files} of ${totalFiles} files` : '');
}

function refuseDryRun({ options }: CommandContext): void {
  if (options.dryRun) throw new UsageError('this moves data: it has no dry run');
}

function versionOf(text: unknown): number | undefined {
  if (text === undefined) return undefined;
  const version = Number(text);
  if (!Number.isSafeInteger(version) || version < 1)
    throw new UsageError('--manifest-version is a whole number from 1');
  return version;
}

function signersOf(given: unknown): Buffer[] {
  return ((given as string[] | undefined) ?? []).map((hex) => {
    if (!/^[0-9a-f]{64}$/.test(hex)) throw new UsageError('--signer is 64 hexadecimal digits');
    return Buffer.from(hex, 'hex');
  });
}
