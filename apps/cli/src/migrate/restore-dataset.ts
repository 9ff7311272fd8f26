/**
 * Brings a version of a dataset back: checks the signed manifest and the records under its root, reads the encrypted file
 * tree, then fetches each needed segment once, decrypts it, checks the keyed hash of every chunk and writes it to its files.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import {
  CHUNK_ID_BYTES,
  CorruptDatasetError,
  chunkId,
  type DatasetKeys,
  FileTreeReader,
  type OpenedSegment,
  openSegment,
  SEGMENT_MAX_BYTES,
  type SegmentRecord,
  SegmentsRoot,
  unwrapSegmentKey,
  type VerifiedManifest,
  verifyManifest,
} from '#dataset';
import { ConflictError, type DatasetId, NotFoundError, type SegmentId } from '#kernel';
import type { DatasetReply, MigrationApi } from './migration-api.js';
import { existingDataset } from './open-dataset.js';
import { chunkStart, type PlannedLink, type PlannedSegment, RestorePlan, type Stretch } from './restore-plan.js';
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
  const version = input.manifestVersion ?? dataset.manifestVersion;
  if (version === null)
    throw new ConflictError('DatasetEmpty', `The dataset ${dataset.name} has no committed version yet.`);
  const { keys } = await existingDataset({ ...input, dataset });
  const reply = await api.manifest(dataset.id, version);
  const manifest = verifyManifest(
    { statement: Buffer.from(reply.statement, 'base64'), signature: Buffer.from(reply.signature, 'hex') },
    input.trustedSigners,
  );
  requireManifestOf(manifest, dataset, version, keys);
  const restore = new Restore(input, dataset, keys, manifest);
  const outcome = await restore.run();
  const contentRoot = manifest.contentRoot.toString('hex');
  return {
    datasetId: dataset.id,
    manifestVersion: version,
    contentRoot,
    ledgerEntryId: reply.ledgerEntryId,
    ...outcome,
  };
}

function requireManifestOf(
  { statement }: VerifiedManifest,
  dataset: DatasetReply,
  version: number,
  keys: DatasetKeys,
): void {
  const what = `manifest ${version} of ${dataset.id}`;
  if (statement.dataset !== dataset.id) throw new CorruptDatasetError(what, `it is of ${statement.dataset}`);
  if (statement.version !== version) throw new CorruptDatasetError(what, `it is version ${statement.version}`);
  if (statement.keyCheck !== keys.keyCheck.toString('hex'))
    throw new CorruptDatasetError(what, 'it is of another dataset key');
}

class Restore {
  private readonly records = new Map<SegmentId, SegmentRecord>();
  private readonly byOrdinal = new Map<number, SegmentRecord>();
  private readonly fetcher: SegmentFetcher;
  private readonly plan: RestorePlan;
  /** The plaintext of the segment that is being written. */
  private readonly plaintext = new Uint8Array(SEGMENT_MAX_BYTES);
  private readonly progress: RestoreProgress = { phase: 'reading', files: 0, totalFiles: 0, bytes: 0, totalBytes: 0 };

  constructor(
    private readonly input: RestoreDataset,
    private readonly dataset: DatasetReply,
    private readonly keys: DatasetKeys,
    private readonly manifest: VerifiedManifest,
  ) {
    this.fetcher = new SegmentFetcher(input.api, input.transfer, dataset.id, input.patience);
    this.plan = new RestorePlan(keys);
  }

  async run(): Promise<Pick<RestoreResult, 'files' | 'bytes' | 'links' | 'refusedLinks'>> {
    const { input, plan, progress } = this;
    input.onProgress?.(progress);
    await this.readRecords();
    await this.readTree();
    const target = await RestoreTarget.create(input.folder);
    let refused: PlannedLink[];
    try {
      await target.begin(plan.dirs, plan.files);
      await this.writeFiles(target);
      refused = await target.commit(plan.dirs, plan.links, input.allowOutsideLinks);
    } catch (error) {
      await target.abandon();
      throw error;
    }
    progress.phase = 'done';
    input.onProgress?.(progress);
    return {
      files: plan.files.length,
      bytes: progress.bytes,
      links: plan.links.length - refused.length,
      refusedLinks: refused.map((link) => link.path.toString()),
    };
  }

  /** The segment records, checked against the root that was signed. */
  private async readRecords(): Promise<void> {
    const { version, segments, tree } = this.manifest.statement;
    const root = new SegmentsRoot();
    const trees = new Set(tree.segments);
    for await (const { ordinal, record } of this.input.api.manifestSegments(this.dataset.id, version)) {
      root.add(record);
      this.records.set(record.id, record);
      if (trees.has(ordinal)) this.byOrdinal.set(ordinal, record);
    }
    if (root.count !== segments.count || root.digest().toString('hex') !== segments.root) {
      throw new CorruptDatasetError('manifest', 'the segment records are not those that were signed');
    }
  }

  private async readTree(): Promise<void> {
    const { segments, size, hash } = this.manifest.statement.tree;
    const hmac = createHmac('sha256', this.keys.treeHash);
    const reader = new FileTreeReader((line) => this.plan.add(line));
    let bytes = 0;
    const records = segments.map((ordinal) => {
      const record = this.byOrdinal.get(ordinal);
      if (!record) throw new CorruptDatasetError('manifest', `tree segment ${ordinal} is not among its segments`);
      return record;
    });
    for await (const { item, content } of this.fetcher.inOrder(records, (record) => record.id, AHEAD)) {
      const { payload } = this.open(item, content, 'tree');
      hmac.update(payload);
      bytes += payload.length;
      reader.push(payload);
    }
    const { files, bytes: totalBytes } = reader.finish();
    if (bytes !== size || !timingSafeEqual(hmac.digest(), Buffer.from(hash, 'hex'))) {
      throw new CorruptDatasetError('file tree', 'it is not the one that was signed');
    }
    Object.assign(this.progress, { totalFiles: files, totalBytes });
  }

  private async writeFiles(target: RestoreTarget): Promise<void> {
    const { progress, input } = this;
    progress.phase = 'restoring';
    progress.files = this.plan.files.filter((file) => file.size === 0).length;
    const needed = this.plan.neededSegments();
    for await (const { item, content } of this.fetcher.inOrder(needed, ({ segment }) => segment.id, AHEAD)) {
      const record = this.records.get(item.segment.id);
      if (!record) throw new CorruptDatasetError('file tree', `segment ${item.segment.id} is not in the manifest`);
      const opened = this.open(record, content, 'data');
      this.checkChunks(item.segment, opened, item.stretches);
      for (const stretch of item.stretches) await this.writeStretch(target, item.segment, opened, stretch);
      input.onProgress?.(progress);
    }
  }

  private open(record: SegmentRecord, content: Buffer, kind: OpenedSegment['kind']): OpenedSegment {
    const key = unwrapSegmentKey(this.keys, record.id, Buffer.from(record.key, 'base64'));
    const opened = openSegment(record.id, key, content, this.plaintext);
    if (opened.kind !== kind)
      throw new CorruptDatasetError(`segment ${record.id}`, `a ${opened.kind} segment in the place of a ${kind} one`);
    return opened;
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
