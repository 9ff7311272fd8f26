import { SEGMENT_MAX_BYTES, SEGMENT_TARGET_BYTES } from '#dataset';
import type { MigrationId } from '#kernel';
import { RemoteProblem } from './client-errors.js';
import type { JournalSegment } from './journal.js';
import type { KnownSegment } from './known-segments.js';
import type { MigrationApi } from './migration-api.js';
import { mayPass, type Patience, retrying } from './retrying.js';
import type { SealingThread } from './sealing-thread.js';
import type { FullPack } from './segment-packer.js';
import type { SegmentTransfer } from './segment-transfer.js';

/** Room for a segment that is filled to the target, whatever its number of chunks. */
const OUT_BYTES = SEGMENT_MAX_BYTES;
/** Segments that are being sealed or sent at once, and with the open one the number of buffers there are. */
const MOST_UNDER_WAY = 2;

export interface UploaderParts {
  api: MigrationApi;
  transfer: SegmentTransfer;
  sealing: SealingThread;
  migrationId: MigrationId;
  patience: Patience;
  /** Told before a segment is sent; what it does is waited for. */
  onSealed: (segment: JournalSegment) => Promise<void>;
  /** Told when the server has the segment on disk. */
  onUploaded: (number: number, segment: KnownSegment) => void;
  scanned: () => { files: number; bytes: number };
}

/**
 * Seals, announces and uploads full segments, a few at a time. Memory is bounded by its buffers: who packs waits for one.
 * After a failure nothing more is taken, and `finish` gives the first error.
 */
export class SegmentUploader {
  private readonly free: SharedArrayBuffer[] = [];
  private readonly freeOut: SharedArrayBuffer[] = [];
  private readonly waitingForBuffer: ((buffer: SharedArrayBuffer) => void)[] = [];
  private buffers = 0;
  private readonly underWay = new Set<Promise<void>>();
  private failure: { error: unknown } | null = null;

  private readonly ending = new AbortController();
  private readonly patience: Patience;

  constructor(private readonly parts: UploaderParts) {
    const { forMs, signal } = parts.patience;
    signal?.addEventListener('abort', () => this.ending.abort(signal.reason), { signal: this.ending.signal });
    this.patience = { forMs, signal: this.ending.signal };
  }

  /** A buffer for a segment; waits while all are in use. @throws the first failure */
  readonly takeBuffer = async (): Promise<SharedArrayBuffer> => {
    this.throwFailure();
    const known = this.free.pop();
    if (known) return known;
    if (this.buffers <= MOST_UNDER_WAY) {
      this.buffers += 1;
      return new SharedArrayBuffer(SEGMENT_TARGET_BYTES);
    }
    const buffer = await new Promise<SharedArrayBuffer>((resolve) => this.waitingForBuffer.push(resolve));
    this.throwFailure();
    return buffer;
  };

  /** Takes a full segment; returns at once. */
  start(full: FullPack): void {
    const upload = this.upload(full)
      .catch((error: unknown) => {
        this.failure ??= { error };
        // Whoever waits for a buffer is let go, to see the failure.
        for (const resolve of this.waitingForBuffer.splice(0)) resolve(new SharedArrayBuffer(0));
      })
      .finally(() => this.underWay.delete(upload));
    this.underWay.add(upload);
  }

  /** Waits for every upload that was started. @throws the first failure */
  async finish(): Promise<void> {
    while (this.underWay.size > 0) await Promise.all(this.underWay);
    this.throwFailure();
  }

  /** Gives up what is under way and waits until nothing is: whatever happens next finds no request of ours running. */
  async abandon(): Promise<void> {
    this.ending.abort(new Error('the upload was given up'));
    while (this.underWay.size > 0) await Promise.all(this.underWay);
  }

  private throwFailure(): void {
    if (this.failure) throw this.failure.error;
  }

  private async upload({ number, pack }: FullPack): Promise<void> {
    const { sealing, onSealed, onUploaded } = this.parts;
    const out = this.freeOut.pop() ?? new SharedArrayBuffer(OUT_BYTES);
    const record = await sealing.seal(pack, out);
    const bytes = new Uint8Array(out, 0, record.size);
    const segment = { record, ids: Buffer.from(pack.ids), lengths: pack.lengths };
    await onSealed(segment);
    const ordinal = await retrying(this.patience, () => this.send(record, bytes));
    this.freeOut.push(out);
    this.giveBack(pack.buffer);
    onUploaded(number, { ...segment, ordinal });
  }

  /** Announces anew each time: that renews the ticket, and tells whether the upload before arrived after all. */
  private async send(record: JournalSegment['record'], bytes: Uint8Array): Promise<number> {
    const { api, transfer, migrationId, scanned } = this.parts;
    const [standing] = await api.registerSegments(migrationId, [record], scanned());
    if (!standing) throw new RemoteProblem(502, 'RemoteError', 'the API answered for no segment');
    if (standing.upload) {
      try {
        await transfer.put(standing.upload.url, standing.upload.ticket, bytes, this.ending.signal);
      } catch (error) {
        // A ticket that ran out while the connection was slow is as good as a lost connection.
        const expired = error instanceof RemoteProblem && error.code === 'TicketRefused';
        throw expired && !mayPass(error) ? new RemoteProblem(503, 'TicketExpired', error.message) : error;
      }
    }
    return standing.ordinal;
  }

  private giveBack(buffer: SharedArrayBuffer): void {
    const next = this.waitingForBuffer.shift();
    if (next) next(buffer);
    else this.free.push(buffer);
  }
}
