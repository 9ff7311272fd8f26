import { createHmac, timingSafeEqual } from 'node:crypto';
import {
  CorruptDatasetError,
  type DatasetKeys,
  FileTreeReader,
  type OpenedSegment,
  openSegment,
  SEGMENT_MAX_BYTES,
  type SegmentRecord,
  SegmentsRoot,
  type TreeEnd,
  type TreeEntry,
  type TreeSegment,
  unwrapSegmentKey,
  type VerifiedManifest,
  verifyManifest,
} from '#dataset';
import type { SegmentId } from '#kernel';
import type { DatasetReply, MigrationApi } from './migration-api.js';
import type { SegmentFetcher } from './segment-fetcher.js';

/** Tree segments that are fetched ahead of the one being read. */
const AHEAD = 1;

/** A segment record with the ordinal that the server gave it. */
export interface NumberedRecord {
  ordinal: number;
  record: SegmentRecord;
}

/** A committed version of a dataset: nothing of it is handed out that the signed manifest does not cover. */
export class DatasetVersion {
  readonly records = new Map<SegmentId, NumberedRecord>();
  /** The plaintext of the segment that was opened last. */
  private readonly plaintext = new Uint8Array(SEGMENT_MAX_BYTES);

  private constructor(
    private readonly keys: DatasetKeys,
    private readonly manifest: VerifiedManifest,
    readonly ledgerEntryId: string,
  ) {}

  get contentRoot(): string {
    return this.manifest.contentRoot.toString('hex');
  }

  /**
   * Fetches a version's manifest and segment records and checks them: signer, key, and the root over the records.
   * @throws UntrustedSignatureError, CorruptDatasetError
   */
  static async open(
    api: MigrationApi,
    dataset: DatasetReply,
    version: number,
    keys: DatasetKeys,
    trustedSigners: readonly Uint8Array[],
  ): Promise<DatasetVersion> {
    const reply = await api.manifest(dataset.id, version);
    const manifest = verifyManifest(
      { statement: Buffer.from(reply.statement, 'base64'), signature: Buffer.from(reply.signature, 'hex') },
      trustedSigners,
    );
    requireManifestOf(manifest, dataset, version, keys);
    const opened = new DatasetVersion(keys, manifest, reply.ledgerEntryId);
    await opened.readRecords(api, dataset, version);
    return opened;
  }

  /** Reads the file tree, line by line, and checks it as a whole: what it was used for counts only when this returns. */
  async readTree(fetcher: SegmentFetcher, onLine: (line: TreeSegment | TreeEntry) => void): Promise<TreeEnd> {
    const { segments, size, hash } = this.manifest.statement.tree;
    const byOrdinal = new Map([...this.records.values()].map(({ ordinal, record }) => [ordinal, record]));
    const hmac = createHmac('sha256', this.keys.treeHash);
    const reader = new FileTreeReader(onLine);
    let bytes = 0;
    const records = segments.map((ordinal) => {
      const record = byOrdinal.get(ordinal);
      if (!record) throw new CorruptDatasetError('manifest', `tree segment ${ordinal} is not among its segments`);
      return record;
    });
    for await (const { item, content } of fetcher.inOrder(records, (record) => record.id, AHEAD)) {
      const { payload } = this.openSegment(item.id, content, 'tree');
      hmac.update(payload);
      bytes += payload.length;
      reader.push(payload);
    }
    const end = reader.finish();
    if (bytes !== size || !timingSafeEqual(hmac.digest(), Buffer.from(hash, 'hex'))) {
      throw new CorruptDatasetError('file tree', 'it is not the one that was signed');
    }
    return end;
  }

  /** Decrypts a segment of this version. What is given is good until the next one is opened. */
  openSegment(id: SegmentId, content: Buffer, kind: OpenedSegment['kind']): OpenedSegment {
    const known = this.records.get(id);
    if (!known) throw new CorruptDatasetError('file tree', `segment ${id} is not in the manifest`);
    const key = unwrapSegmentKey(this.keys, id, Buffer.from(known.record.key, 'base64'));
    const opened = openSegment(id, key, content, this.plaintext);
    if (opened.kind === kind) return opened;
    throw new CorruptDatasetError(`segment ${id}`, `a ${opened.kind} segment in the place of a ${kind} one`);
  }

  private async readRecords(api: MigrationApi, dataset: DatasetReply, version: number): Promise<void> {
    const { count, root: signed } = this.manifest.statement.segments;
    const root = new SegmentsRoot();
    for await (const numbered of api.manifestSegments(dataset.id, version)) {
      root.add(numbered.record);
      this.records.set(numbered.record.id, numbered);
    }
    if (root.count !== count || root.digest().toString('hex') !== signed) {
      throw new CorruptDatasetError('manifest', 'the segment records are not those that were signed');
    }
  }
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
  if (statement.keyCheck !== keys.keyCheck.toString('hex')) {
    throw new CorruptDatasetError(what, 'it is of another dataset key');
  }
}
