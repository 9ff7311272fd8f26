import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Authenticator, type Principal, requirePermission } from '#auth';
import { UnitOfWork } from '#database';
import { type EventStream, HEARTBEAT, RETRY_LINE, StreamPlaces, serverSentEvent, startingAt } from '#http';
import type { ApiKeyId, OpContext } from '#kernel';
import { AheadOfLogError } from '../domain/stream.errors.js';
import type { PublishedHead } from '../infra/open-log.repository.js';
import type { CoveredEntry } from './ledger-entry.queries.js';
import { LedgerFeed } from './ledger-feed.js';
import { LogTail, type TailPosition } from './log-tail.js';
import { SharedReads } from './shared-reads.js';

/** How streams are kept: times in milliseconds. */
export abstract class StreamOptions {
  /** How often it is asked whether the caller may still listen. */
  abstract readonly streamCheckMs: number;
  /** Streams that one tenant, or one client's network on the open log, may hold open in one process. */
  abstract readonly streamsPerClient: number;
}

/** The longest silence. */
const HEARTBEAT_MS = 15_000;
/** After so long a stream ends, and the client comes again: connections do not stay with one process for ever. */
const LONGEST_MS = 3_600_000;
/** Strangers' streams of one process together. */
const MOST_OPEN_STREAMS = 1_000;
const HEADS_AT_ONCE = 100;
const ENTRIES_AT_ONCE = 20;

/** What a stream is made of: where it stands, what it reads, and whether its reader may still have it. */
interface Source<Item> {
  event: string;
  tail: TailPosition;
  /** The items behind `after`, in order; not always all. */
  read(after: number): Promise<Item[]>;
  idOf(item: Item): number;
  view(item: Item): unknown;
  stillAllowed(): Promise<boolean>;
}

/**
 * Streams of what is published: checkpoints for everybody, a tenant's own entries for the tenant. A stream holds no queue:
 * it reads what lies behind its last event when its client has room for more, so that it neither grows nor loses anything,
 * and streams that stand at the same place share that read.
 */
@Injectable()
export class FollowLogService implements OnModuleDestroy {
  private readonly headReads = new SharedReads<PublishedHead[]>();
  private readonly entryReads = new SharedReads<CoveredEntry[]>();
  private readonly keyReads = new SharedReads<Principal | null>();
  private readonly strangers: StreamPlaces;
  private readonly tenants: StreamPlaces;

  constructor(
    private readonly uow: UnitOfWork,
    private readonly feed: LedgerFeed,
    private readonly tail: LogTail,
    private readonly authenticator: Authenticator,
    private readonly options: StreamOptions,
  ) {
    const perHolder = options.streamsPerClient;
    this.strangers = new StreamPlaces({
      perHolder,
      total: MOST_OPEN_STREAMS,
      refusal: (limit) =>
        `Your network may hold ${limit} of these streams open, and all together ${MOST_OPEN_STREAMS}; close one, or ask GET /v1/log/checkpoint now and then.`,
    });
    this.tenants = new StreamPlaces({
      perHolder,
      refusal: (limit) =>
        `This tenant holds ${limit} of these streams open already; close one, or read GET /v1/ledger/entries instead.`,
    });
  }

  /**
   * The checkpoints of the log from the newest one on, or all behind the size `after`.
   * @param client whose place it takes: the network of the client
   * @throws AheadOfLogError; DomainError `TooManyStreams`
   */
  checkpoints(client: string, after: number | undefined, view: (head: PublishedHead) => unknown): Promise<EventStream> {
    return this.open(this.strangers.take(client), () => this.tail.ofLog(), {
      after,
      // The newest checkpoint tells a new reader where it stands.
      from: (newest) => Math.max(newest - 1, 0),
      source: (tail) => ({
        event: 'checkpoint',
        tail,
        read: (seen) => this.headReads.read(String(seen), () => this.feed.headsAfter(seen, HEADS_AT_ONCE)),
        idOf: (head) => head.size,
        view,
        stillAllowed: async () => true,
      }),
    });
  }

  /**
   * The caller's own entries as they are published, from now on or from behind the number `after` of its chain.
   * @throws ForbiddenError; AheadOfLogError; DomainError `TooManyStreams`
   */
  async entries(
    ctx: OpContext,
    after: number | undefined,
    view: (entry: CoveredEntry) => unknown,
  ): Promise<EventStream> {
    requirePermission(ctx, 'ledger:read');
    return this.open(this.tenants.take(ctx.tenantId), () => this.tail.ofChain(ctx.tenantId), {
      after,
      from: (newest) => newest,
      source: (tail) => ({
        event: 'entry',
        tail,
        read: (seen) => this.entryReads.read(`${ctx.tenantId} ${seen}`, () => this.entriesAfter(ctx, seen)),
        idOf: ({ entry }) => entry.place?.tenantSeq ?? 0,
        view,
        stillAllowed: () => this.mayStillRead(ctx),
      }),
    });
  }

  onModuleDestroy(): void {
    this.strangers.closeAll();
    this.tenants.closeAll();
  }

  private async open<Item>(
    place: { signal: AbortSignal; leave: () => void },
    listen: () => Promise<TailPosition>,
    stream: {
      after: number | undefined;
      from: (newest: number) => number;
      source: (tail: TailPosition) => Source<Item>;
    },
  ): Promise<EventStream> {
    let tail: TailPosition | null = null;
    const close = () => {
      place.leave();
      tail?.close();
    };
    try {
      tail = await listen();
      const newest = tail.position;
      const after = stream.after ?? stream.from(newest);
      if (after > newest) throw new AheadOfLogError(after, newest);
      return { events: this.follow(stream.source(tail), after, place.signal), close };
    } catch (error) {
      close();
      throw error;
    }
  }

  private async *follow<Item>(source: Source<Item>, after: number, signal: AbortSignal): AsyncGenerator<string> {
    const { streamCheckMs } = this.options;
    const end = performance.now() + LONGEST_MS;
    let seen = after;
    let lastWords = performance.now();
    let checkAt = lastWords + streamCheckMs;
    yield RETRY_LINE + startingAt(after);
    while (!signal.aborted && performance.now() < end) {
      if (performance.now() >= checkAt) {
        if (!(await source.stillAllowed())) return;
        checkAt = performance.now() + streamCheckMs;
      }
      const { position } = source.tail;
      const items = position > seen ? await source.read(seen) : [];
      for (const item of items) {
        if (signal.aborted) return;
        yield serverSentEvent(source.event, source.idOf(item), source.view(item));
        seen = source.idOf(item);
        lastWords = performance.now();
      }
      if (items.length > 0) continue;
      if (performance.now() - lastWords >= HEARTBEAT_MS) {
        yield HEARTBEAT;
        lastWords = performance.now();
      }
      await source.tail.beyond(
        Math.max(seen, position),
        Math.max(Math.min(checkAt - performance.now(), HEARTBEAT_MS), 1),
        signal,
      );
    }
  }

  private entriesAfter(ctx: OpContext, seen: number): Promise<CoveredEntry[]> {
    return this.uow.read(ctx, (tx) => this.feed.entriesAfter(tx, seen, ENTRIES_AT_ONCE));
  }

  private async mayStillRead({ actor, tenantId }: OpContext): Promise<boolean> {
    const { keyId } = actor;
    if (keyId === null) return true;
    const now = await this.keyReads.read(keyId, () => this.authenticator.current(keyId as ApiKeyId));
    return now !== null && now.tenantId === tenantId && now.permissions.has('ledger:read');
  }
}
