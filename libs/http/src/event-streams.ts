import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { DomainError } from '#kernel';

/** An open stream. `close` gives its place back; it may be called more than once. */
export interface EventStream {
  events: AsyncGenerator<string>;
  close(): void;
}

/** A reader that takes nothing for so long is cut off; it comes again where it was. */
const STALLED_MS = 30_000;

/**
 * Sends a stream of events until it ends or the client goes. Nothing is read for a client that does not read: its next
 * event is made when there is room, so that a slow reader costs one buffer however much happens meanwhile.
 */
export async function sendEventStream(
  reply: FastifyReply,
  stream: EventStream,
  stalledMs: number = STALLED_MS,
): Promise<void> {
  // Also when the client went away before or while the reply was sent.
  reply.raw.once('close', stream.close);
  if (reply.raw.destroyed) stream.close();
  await reply
    .header('content-type', 'text/event-stream')
    .header('cache-control', 'no-store')
    // nginx would hold events back until its buffer is full.
    .header('x-accel-buffering', 'no')
    // The end of the stream is the end of the connection: one that stayed open would hold up the end of the process.
    .header('connection', 'close')
    .send(
      Readable.from(
        cutWhenStalled(stream.events, stalledMs, () => reply.raw.destroy()),
        { objectMode: false },
      ),
    );
}

async function* cutWhenStalled(
  events: AsyncGenerator<string>,
  stalledMs: number,
  cut: () => void,
): AsyncGenerator<string> {
  for await (const text of events) {
    const timer = setTimeout(cut, stalledMs);
    try {
      yield text;
    } finally {
      clearTimeout(timer);
    }
  }
}

export interface PlacesLimits {
  /** Streams that one holder may have open in one process. */
  perHolder: number;
  /** All of them together. */
  total?: number;
  /** Completes "... already": what such a holder has, and what to do instead. */
  refusal: (limit: number) => string;
}

/** The places of open streams in one process: a bounded number for each holder, all ended at once when the process ends. */
export class StreamPlaces {
  private readonly open = new Map<string, Set<AbortController>>();
  private count = 0;

  constructor(private readonly limits: PlacesLimits) {}

  /**
   * Takes a place; the stream ends when its signal aborts.
   * @param holder whose it is: a tenant's id, a client's network
   * @throws DomainError `TooManyStreams`
   */
  take(holder: string): { signal: AbortSignal; leave: () => void } {
    const { perHolder, total = Number.POSITIVE_INFINITY, refusal } = this.limits;
    const places = this.open.get(holder) ?? new Set();
    if (places.size >= perHolder || this.count >= total) {
      throw new DomainError('rate-limited', 'TooManyStreams', refusal(perHolder), { extra: { limit: perHolder } });
    }
    const place = new AbortController();
    this.open.set(holder, places.add(place));
    this.count += 1;
    return { signal: place.signal, leave: () => this.leave(holder, place) };
  }

  /** Ends every stream, so that the process can stop; the clients come again elsewhere. */
  closeAll(): void {
    for (const [holder, places] of this.open) for (const place of [...places]) this.leave(holder, place);
  }

  private leave(holder: string, place: AbortController): void {
    place.abort();
    const places = this.open.get(holder);
    if (!places?.delete(place)) return;
    this.count -= 1;
    if (places.size === 0) this.open.delete(holder);
  }
}
