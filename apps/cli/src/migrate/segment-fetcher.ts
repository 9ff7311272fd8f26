import { SEGMENT_MAX_BYTES } from '#dataset';
import type { DatasetId, SegmentId } from '#kernel';
import { RemoteProblem } from './client-errors.js';
import type { MigrationApi, RestoreTicketReply } from './migration-api.js';
import { type Patience, retrying } from './retrying.js';
import type { SegmentTransfer } from './segment-transfer.js';

/** Before a ticket ends, another is asked for. */
const TICKET_MARGIN_MS = 30_000;

/** Fetches segments of one dataset, some ahead of the one that is wanted. */
export class SegmentFetcher {
  private ticket: Promise<RestoreTicketReply> | null = null;
  private readonly free: Buffer[] = [];

  constructor(
    private readonly api: MigrationApi,
    private readonly transfer: SegmentTransfer,
    private readonly datasetId: DatasetId,
    private readonly patience: Patience,
  ) {}

  /**
   * The items with their segments' ciphertext, in the order given; at most `ahead` are in memory beside the current one. A
   * content is good until the next is asked for: its buffer is used again.
   */
  async *inOrder<T>(
    items: Iterable<T>,
    idOf: (item: T) => SegmentId,
    ahead: number,
  ): AsyncGenerator<{ item: T; content: Buffer }> {
    const ending = new AbortController();
    const queue: { item: T; buffer: Buffer; content: Promise<Buffer> }[] = [];
    const source = items[Symbol.iterator]();
    const refill = () => {
      while (queue.length <= ahead) {
        const next = source.next();
        if (next.done) return;
        const buffer = this.free.pop() ?? Buffer.allocUnsafeSlow(SEGMENT_MAX_BYTES);
        const content = this.fetch(idOf(next.value), buffer, ending.signal);
        // Seen when its turn comes; until then it is not an unhandled one.
        content.catch(() => undefined);
        queue.push({ item: next.value, buffer, content });
      }
    };
    try {
      for (refill(); ; refill()) {
        const next = queue.shift();
        if (!next) return;
        yield { item: next.item, content: await next.content };
        this.free.push(next.buffer);
      }
    } finally {
      ending.abort();
      await Promise.allSettled(queue.map((entry) => entry.content));
    }
  }

  private fetch(id: SegmentId, buffer: Buffer, signal: AbortSignal): Promise<Buffer> {
    return retrying({ ...this.patience, signal }, async () => {
      this.patience.signal?.throwIfAborted();
      const { url, ticket } = await this.currentTicket();
      try {
        return await this.transfer.get(`${url}/${id}`, ticket, buffer, signal);
      } catch (error) {
        if (!(error instanceof RemoteProblem) || error.code !== 'TicketRefused') throw error;
        this.ticket = null;
        throw new RemoteProblem(503, 'TicketExpired', error.message);
      }
    });
  }

  private async currentTicket(): Promise<RestoreTicketReply> {
    const known = await this.ticket;
    if (known && Date.parse(known.expiresAt) - Date.now() > TICKET_MARGIN_MS) return known;
    this.ticket = this.api.restoreTicket(this.datasetId).catch((error: unknown) => {
      this.ticket = null;
      throw error;
    });
    return this.ticket;
  }
}
