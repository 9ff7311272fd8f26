/**
 * Moves a folder into a dataset: reads, cuts, packs, encrypts, uploads each new segment once, signs the manifest and waits
 * until the server has spread and recorded it. Interrupted at any point, the next run goes on: what the journal names and
 * the server confirms is not uploaded again, because its chunks are found.
 */
import { lstat, realpath } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type ManifestSigner, SegmentsRoot, type SignedManifest, signManifest, toRanges } from '#dataset';
import type { DatasetId, MigrationId, TenantId } from '#kernel';
import { RemoteProblem, SourceUnreadableError } from './client-errors.js';
import { DatasetVersion } from './dataset-version.js';
import { Journal, type JournalSegment } from './journal.js';
import { type KnownSegment, KnownSegments, packedChunks } from './known-segments.js';
import type { DatasetReply, MigrationApi, MigrationProgressReply, MigrationReply } from './migration-api.js';
import { type OpenedDataset, openDataset } from './open-dataset.js';
import { type SourceNote, SourcePacker } from './pack-source.js';
import type { Patience } from './retrying.js';
import { countFolder, type FolderTotals } from './scan-folder.js';
import { SealingThread } from './sealing-thread.js';
import { SegmentFetcher } from './segment-fetcher.js';
import { SegmentPacker } from './segment-packer.js';
import type { SegmentTransfer } from './segment-transfer.js';
import { SegmentUploader } from './segment-uploader.js';
import { TreeSpool } from './tree-spool.js';
import { uploadTree } from './upload-tree.js';

export interface MigrateFolder {
  api: MigrationApi;
  transfer: SegmentTransfer;
  folder: string;
  datasetName: string;
  recipients: readonly string[];
  noRecovery: boolean;
  identities: readonly string[];
  signer: ManifestSigner;
  stateFolder: string;
  skipUnreadable: boolean;
  patience: Patience;
  onProgress?: (progress: MigrateProgress) => void;
}

/** How far a move is. Bytes are of plaintext, but for those that were uploaded. */
export interface MigrateProgress {
  phase: 'counting' | 'copying' | 'placing' | 'done';
  total: FolderTotals;
  files: number;
  bytes: number;
  newBytes: number;
  uploadedSegments: number;
  uploadedBytes: number;
  placedSegments: number;
  segments: number;
  /** What the server waits for, when something is in the way. */
  waiting: string[];
}

export interface MigrateResult {
  datasetId: DatasetId;
  migrationId: MigrationId;
  manifestVersion: number;
  contentRoot: string;
  ledgerEntryId: string;
  files: number;
  bytes: number;
  newBytes: number;
  uploadedSegments: number;
  uploadedBytes: number;
  notes: SourceNote[];
  /** True when an earlier run had uploaded everything, and this one only waited: what changed since is not in it. */
  continued: boolean;
}

const POLL_MS = 250;
/** Segments asked about in one request. */
const STANDING_BATCH = 200;
/** How often a source is read again because the server lost staged segments. */
const MOST_PASSES = 3;

export async function migrateFolder(input: MigrateFolder): Promise<MigrateResult> {
  const folder = await sourceFolder(input.folder);
  const opened = await openDataset({ ...input, name: input.datasetName });
  const progress = newProgress();
  const report = (change: Partial<MigrateProgress>) => input.onProgress?.(Object.assign(progress, change));
  try {
    report({ phase: 'counting' });
    progress.total = await countFolder(folder);
    const migration = await currentMigration(input.api, opened.dataset.id, input.folder);
    const run = new MigrationRun(input, opened, migration, folder, progress, report);
    const continued = migration.state === 'verifying';
    let notes = continued ? [] : await run.copy();
    for (let pass = 1; (await run.untilPlaced()) === 'lost'; pass += 1) {
      if (pass === MOST_PASSES)
        throw new RemoteProblem(503, 'SegmentsLost', 'the server lost staged segments again and again');
      notes = await run.copy();
    }
    return { ...(await run.result()), notes, continued };
  } finally {
    await opened.unlock();
  }
}

async function sourceFolder(path: string): Promise<Buffer> {
  try {
    const real = await realpath(path);
    if ((await lstat(real)).isDirectory()) return Buffer.from(real);
  } catch (error) {
    throw new SourceUnreadableError(
      path,
      (error as NodeJS.ErrnoException).code ?? 'unreadable',
      'give a folder that exists',
    );
  }
  throw new SourceUnreadableError(path, 'it is not a folder', 'give a folder');
}

/** The dataset's migration that is under way, started and resumed; or a new one. */
async function currentMigration(api: MigrationApi, datasetId: DatasetId, source: string): Promise<MigrationReply> {
  let active: MigrationReply | null = null;
  for await (const migration of api.migrationsOf(datasetId)) {
    if (!['ready', 'cutover', 'integrated', 'finalized', 'failed'].includes(migration.state)) active = migration;
  }
  active ??= await api.createMigration(datasetId, source.normalize('NFC').slice(0, 255));
  if (active.state === 'draft') active = await api.changeMigration(active.id, 'start');
  if (active.state === 'paused') active = await api.changeMigration(active.id, 'resume');
  return active;
}

/** One migration's passes over its source, and the wait for the server. */
class MigrationRun {
  private readonly dataset: DatasetReply;

  constructor(
    private readonly input: MigrateFolder,
    private readonly opened: OpenedDataset,
    private readonly migration: MigrationReply,
    private readonly folder: Buffer,
    private readonly progress: MigrateProgress,
    private readonly report: (change: Partial<MigrateProgress>) => void,
  ) {
    this.dataset = opened.dataset;
  }

  /** Reads the source, uploads what the server does not have, and submits the manifest. Gives what was left out. */
  async copy(): Promise<SourceNote[]> {
    const { keys, state } = this.opened;
    Object.assign(this.progress, { files: 0, bytes: 0, newBytes: 0 });
    const earlier: JournalSegment[] = [];
    const journal = await Journal.open(state.journalPath, this.dataset.id, keys.keyCheck.toString('hex'), (segment) =>
      earlier.push(segment),
    );
    const sealing = new SealingThread(keys, this.dataset);
    const spool = await TreeSpool.create(state.treeSpoolPath);
    try {
      const known = earlier.length > 0 ? await this.confirmed(earlier) : await this.recovered();
      return await this.pack(known, journal, sealing, spool);
    } finally {
      await Promise.all([journal.close(), sealing.close(), spool.remove()]);
    }
  }

  private async pack(
    known: KnownSegments,
    journal: Journal,
    sealing: SealingThread,
    spool: TreeSpool,
  ): Promise<SourceNote[]> {
    const uploader = this.uploader(sealing, known, journal);
    try {
      return await this.packAndSubmit(known, uploader, spool);
    } finally {
      await uploader.abandon();
    }
  }

  private async packAndSubmit(
    known: KnownSegments,
    uploader: SegmentUploader,
    spool: TreeSpool,
  ): Promise<SourceNote[]> {
    const { keys } = this.opened;
    const packer = new SegmentPacker('data', uploader.takeBuffer, () => known.reserve());
    const source = new SourcePacker({
      ...{ keys, known, packer, uploader, spool },
      skipUnreadable: this.input.skipUnreadable,
      progress: this.progress,
      onProgress: () => this.report({ phase: 'copying' }),
      signal: this.input.patience.signal,
    });
    await source.pack(this.folder);
    await uploader.finish();
    const treeNumbers: number[] = [];
    const treePacker = new SegmentPacker('tree', uploader.takeBuffer, () => {
      treeNumbers.push(known.reserve());
      return treeNumbers.at(-1)!;
    });
    const tree = await uploadTree(keys, known, spool, treePacker, uploader);
    const data = [...known.inUse()].map(({ segment }) => segment);
    await this.submit(
      data,
      treeNumbers.map((number) => known.uploaded(number)),
      tree,
    );
    return source.notes;
  }

  /** Segments of earlier runs that the server still has; what it lost is left out, so that its chunks are packed anew. */
  private async confirmed(earlier: readonly JournalSegment[]): Promise<KnownSegments> {
    const known = new KnownSegments();
    for (let at = 0; at < earlier.length; at += STANDING_BATCH) {
      const batch = earlier.slice(at, at + STANDING_BATCH);
      const records = batch.map((segment) => segment.record);
      const standings = await this.input.api.registerSegments(this.migration.id, records);
      for (const [index, standing] of standings.entries()) {
        if (standing.state !== 'registered') known.add({ ...batch[index]!, ordinal: standing.ordinal });
      }
    }
    return known;
  }

  /** Without a journal (another machine, a lost folder) the newest version's own tree says which chunks are stored. */
  private async recovered(): Promise<KnownSegments> {
    const { api, transfer, patience, signer } = this.input;
    const known = new KnownSegments();
    const { manifestVersion } = await api.dataset(this.dataset.id);
    if (manifestVersion === null) return known;
    const version = await DatasetVersion.open(api, this.dataset, manifestVersion, this.opened.keys, [signer.publicKey]);
    const found: KnownSegment[] = [];
    await version.readTree(new SegmentFetcher(api, transfer, this.dataset.id, patience), (line) => {
      const numbered = line.t === 'segment' ? version.records.get(line.id) : undefined;
      if (line.t === 'segment' && numbered) found.push({ ...numbered, ...packedChunks(line) });
    });
    for (const segment of found) known.add(segment);
    return known;
  }

  private uploader(sealing: SealingThread, known: KnownSegments, journal: Journal): SegmentUploader {
    const { api, transfer, patience } = this.input;
    return new SegmentUploader({
      ...{ api, transfer, sealing, patience },
      migrationId: this.migration.id,
      scanned: () => ({ files: this.progress.files, bytes: this.progress.bytes }),
      // A tree is made anew by every run: there is nothing to go on with.
      onSealed: async (segment) => {
        if (segment.record.kind === 'data') await journal.append(segment);
      },
      onUploaded: (number, segment) => {
        known.settle(number, segment);
        this.progress.uploadedSegments += 1;
        this.progress.uploadedBytes += segment.record.size;
        this.report({});
      },
    });
  }

  private async submit(
    data: KnownSegment[],
    trees: KnownSegment[],
    tree: { size: number; hash: string },
  ): Promise<void> {
    const segments = [...data, ...trees].sort((a, b) => a.ordinal - b.ordinal);
    const root = new SegmentsRoot();
    for (const { record } of segments) root.add(record);
    const { id: tenant } = await this.input.api.ownTenant();
    // The tree's segments in the order of their contents, which is that of their packing.
    const treeOrdinals = trees.map((segment) => segment.ordinal);
    const { version, previous } = await this.previousVersion();
    const manifest: SignedManifest = signManifest(this.input.signer, {
      format: 'freehold-manifest',
      v: 1,
      tenant: tenant as TenantId,
      dataset: this.dataset.id,
      migration: this.migration.id,
      version,
      previous,
      time: new Date().toISOString(),
      keyCheck: this.opened.keys.keyCheck.toString('hex'),
      segments: {
        count: segments.length,
        bytes: segments.reduce((sum, { record }) => sum + record.size, 0),
        ranges: toRanges(segments.map((segment) => segment.ordinal)),
        root: root.digest().toString('hex'),
      },
      tree: { segments: treeOrdinals, ...tree },
    });
    await this.input.api.submitManifest(this.migration.id, manifest);
  }

  private async previousVersion(): Promise<{ version: number; previous: string | null }> {
    const { manifestVersion } = await this.input.api.dataset(this.dataset.id);
    if (manifestVersion === null) return { version: 1, previous: null };
    const { contentRoot } = await this.input.api.manifest(this.dataset.id, manifestVersion);
    return { version: manifestVersion + 1, previous: contentRoot };
  }

  /** Waits for the server; `lost` when staged segments are gone and the source must be read again. */
  async untilPlaced(): Promise<'ready' | 'lost'> {
    const { api, patience } = this.input;
    for (;;) {
      const now = await api.migration(this.migration.id);
      this.showPlacing(now);
      if (now.state === 'ready') return 'ready';
      if (now.state !== 'verifying') {
        throw new RemoteProblem(
          409,
          'MigrationState',
          `the migration ${now.id} is ${now.state}${now.reason ? `: ${now.reason}` : ''}`,
        );
      }
      if (now.segments.missing > 0) return 'lost';
      await delay(POLL_MS, undefined, { signal: patience.signal });
    }
  }

  private showPlacing(now: MigrationProgressReply): void {
    const { placed, staged, registered } = now.segments;
    this.report({
      phase: now.state === 'ready' ? 'done' : 'placing',
      placedSegments: placed,
      segments: placed + staged + registered,
      waiting: now.waiting,
    });
  }

  async result(): Promise<Omit<MigrateResult, 'notes' | 'continued'>> {
    const { api } = this.input;
    const { manifestVersion } = await api.migration(this.migration.id);
    const manifest = await api.manifest(this.dataset.id, manifestVersion!);
    const { files, bytes, newBytes, uploadedSegments, uploadedBytes } = this.progress;
    return {
      datasetId: this.dataset.id,
      migrationId: this.migration.id,
      manifestVersion: manifest.manifestVersion,
      contentRoot: manifest.contentRoot,
      ledgerEntryId: manifest.ledgerEntryId,
      ...{ files, bytes, newBytes, uploadedSegments, uploadedBytes },
    };
  }
}

function newProgress(): MigrateProgress {
  return {
    phase: 'counting',
    total: { files: 0, bytes: 0 },
    ...{ files: 0, bytes: 0, newBytes: 0, uploadedSegments: 0, uploadedBytes: 0, placedSegments: 0, segments: 0 },
    waiting: [],
  };
}
