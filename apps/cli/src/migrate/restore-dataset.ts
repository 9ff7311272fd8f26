/**
 * Brings a version of a dataset back: checks the signed manifest and the records under its root, reads the encrypted file
 * tree, then fetches each needed segment once, decrypts it, checks the keyed hash of every chunk and writes it to its files.
 */
import { CHUNK_ID_BYTES, CorruptDatasetError, chunkId, type DatasetKeys, type OpenedSegment } from '#dataset';
import { ConflictError, type DatasetId, NotFoundError } from '#kernel';
import { DatasetVersion } from './dataset-version.js';
import type { MigrationApi } from './migration-api.js';
import { existingDataset } from './open-dataset.js';
import { chunkStart, type PlannedSegment, RestorePlan, type Stretch } from './restore-plan.js';
import { RestoreTarget } from './restore-target.js';
import type { Patience } from './retrying.js';
import { SegmentFetcher } from './segment-fetcher.js';
import type { SegmentTransfer } from './segment-transfer.js';

export interface RestoreDataset {
  api: MigrationApi;
  transfer: SegmentTransfer;
  datasetName: string;
  /** The newest by default. */
  manifestVersion?: number;
  folder: string;
  identities: readonly string[];
  /** Ed25519 public keys whose manifests are accepted. */
  trustedSigners: readonly Uint8Array[];
  stateFolder: string;
  allowOutsideLinks: boolean;
  patience: Patience;
  onProgress?: (progress: RestoreProgress) => void;
}

export interface RestoreProgress {
  phase: 'reading' | 'restoring' | 'done';
  files: number;
  totalFiles: number;
  bytes: number;
  totalBytes: number;
}

export interface RestoreResult {
  datasetId: DatasetId;
  manifestVersion: number;
  contentRoot: string;
  ledgerEntryId: string;
  files: number;
  bytes: number;
  links: number;
  /** Links to outside of the folder, which were not made. */
  refusedLinks: string[];
}

/** Segments that are fetched ahead of the one being written. */
const AHEAD = 2;

export async function restoreDataset(input: RestoreDataset): Promise<RestoreResult> {
  const { api } = input;
  const dataset = await api.findDataset(input.datasetName);
  if (!dataset) throw new NotFoundError('dataset', input.datasetName);
  const manifestVersion = input.manifestVersion ?? dataset.manifestVersion;
  if (manifestVersion === null) {
    throw new ConflictError('DatasetEmpty', `The dataset ${dataset.name} has no committed version yet.`);
  }
  const { keys } = await existingDataset({ ...input, dataset });
  const version = await DatasetVersion.open(api, dataset, manifestVersion, keys, input.trustedSigners);
  const fetcher = new SegmentFetcher(api, input.transfer, dataset.id, input.patience);
  const outcome = await new Restore(input, keys, version, fetcher).run();
  const { contentRoot, ledgerEntryId } = version;
  return { datasetId: dataset.id, manifestVersion, contentRoot, ledgerEntryId, ...outcome };
}

class Restore {
  private readonly plan: RestorePlan;
  private readonly progress: RestoreProgress = { phase: 'reading', files: 0, totalFiles: 0, bytes: 0, totalBytes: 0 };

  constructor(
    private readonly input: RestoreDataset,
    private readonly keys: DatasetKeys,
    private readonly version: DatasetVersion,
    private readonly fetcher: SegmentFetcher,
  ) {
    this.plan = new RestorePlan(keys);
  }

  async run(): Promise<Pick<RestoreResult, 'files' | 'bytes' | 'links' | 'refusedLinks'>> {
    const { input, plan, progress, version, fetcher } = this;
    input.onProgress?.(progress);
    const { files, bytes } = await version.readTree(fetcher, (line) => plan.add(line));
    Object.assign(progress, { totalFiles: files, totalBytes: bytes });
    const target = await RestoreTarget.create(input.folder);
    try {
      await target.begin(plan.dirs, plan.files);
      await this.writeFiles(target);
      const refused = await target.commit(plan.dirs, plan.links, input.allowOutsideLinks);
      progress.phase = 'done';
      input.onProgress?.(progress);
      return {
        files: plan.files.length,
        bytes: progress.bytes,
        links: plan.links.length - refused.length,
        refusedLinks: refused.map((link) => link.path.toString()),
      };
    } catch (error) {
      await target.abandon();
      throw error;
    }
  }

  private async writeFiles(target: RestoreTarget): Promise<void> {
    const { progress, input, version } = this;
    progress.phase = 'restoring';
    progress.files = this.plan.files.filter((file) => file.size === 0).length;
    const needed = this.plan.neededSegments();
    for await (const { item, content } of this.fetcher.inOrder(needed, ({ segment }) => segment.id, AHEAD)) {
      input.patience.signal?.throwIfAborted();
      const opened = version.openSegment(item.segment.id, content, 'data');
      this.checkChunks(item.segment, opened, item.stretches);
      for (const stretch of item.stretches) await this.writeStretch(target, item.segment, opened, stretch);
      input.onProgress?.(progress);
    }
  }

  /** Every chunk that will be written is what the tree says, by its keyed hash. */
  private checkChunks(segment: PlannedSegment, opened: OpenedSegment, stretches: readonly Stretch[]): void {
    const checked = new Uint8Array(segment.ends.length);
    for (const { first, count } of stretches) {
      for (let index = first; index < first + count; index += 1) {
        if (checked[index]) continue;
        checked[index] = 1;
        const bytes = opened.payload.subarray(chunkStart(segment, index), segment.ends[index]!);
        const expected = segment.ids.subarray(index * CHUNK_ID_BYTES, (index + 1) * CHUNK_ID_BYTES);
        if (!chunkId(this.keys, bytes).equals(expected)) {
          throw new CorruptDatasetError(
            `segment ${segment.id}`,
            `chunk ${index} does not have the keyed hash that the tree states`,
          );
        }
      }
    }
  }

  private async writeStretch(
    target: RestoreTarget,
    segment: PlannedSegment,
    { payload }: OpenedSegment,
    { first, count, file: number, offset }: Stretch,
  ): Promise<void> {
    const file = this.plan.files[number]!;
    const bytes = payload.subarray(chunkStart(segment, first), segment.ends[first + count - 1]!);
    await target.write(file, bytes, offset);
    this.progress.bytes += bytes.length;
    if (file.missing === 0) this.progress.files += 1;
  }
}
