import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { DomainError, type OpContext, type OperationId, type TenantId } from '#kernel';
import { HEARTBEAT, lastSeenVersion, RETRY_LINE, serverSentEvent } from '../domain/event-stream.js';
import { isFinished } from '../domain/operation.js';
import type { OperationEntity } from '../infra/operation.entity.js';
import { OperationQueries } from './operation.queries.js';

/** How streams are kept: times in milliseconds. */
export abstract class WatchOptions {
  /** How often the row is read. */
  abstract readonly pollMs: number;
  /** The longest silence. */
  abstract readonly heartbeatMs: number;
  /** After so long a stream ends; the client comes again, and its key is checked again. */
  abstract readonly longestMs: number;
  /** Streams that one tenant may hold open in one process. */
  abstract readonly streamsPerTenant: number;
}

/** An open stream. `close` gives its place back; it may be called more than once. */
export interface OperationStream {
  events: AsyncGenerator<string>;
  close(): void;
}

/**
 * Lets a caller watch an operation. An event is the operation as it is now and its id is the operation's version: a slow
 * reader skips versions, and one that comes again misses nothing that still matters.
 */
@Injectable()
export class WatchOperationService implements OnModuleDestroy {
  private readonly open = new Map<TenantId, Set<AbortController>>();

  constructor(
    private readonly queries: OperationQueries,
    private readonly options: WatchOptions,
  ) {}

  /**
   * @param view gives an operation's JSON
   * @param lastEventId the client's Last-Event-ID header
   * @returns null when the operation is finished and the client has seen that
   * @throws NotFoundError; DomainError `TooManyStreams`
   */
  async execute(
    ctx: OpContext,
    id: OperationId,
    view: (operation: OperationEntity) => unknown,
    lastEventId?: string | string[],
  ): Promise<OperationStream | null> {
    const first = await this.queries.operation(ctx, id);
    const seen = lastSeenVersion(lastEventId, first.version);
    if (isFinished(first) && seen === first.version) return null;
    const place = this.takePlace(ctx.tenantId);
    return {
      events: this.follow(ctx, first, view, seen, place.signal),
      close: () => this.leave(ctx.tenantId, place),
    };
  }

  /** Ends every stream, so that the process can stop; the clients come again elsewhere. */
  onModuleDestroy(): void {
    for (const [tenantId, places] of this.open) for (const place of [...places]) this.leave(tenantId, place);
  }

  private takePlace(tenantId: TenantId): AbortController {
    const places = this.open.get(tenantId) ?? new Set();
    const { streamsPerTenant } = this.options;
    if (places.size >= streamsPerTenant) {
      throw new DomainError(
        'rate-limited',
        'TooManyStreams',
        `This tenant watches ${streamsPerTenant} operations already; close a stream, or read GET /v1/operations instead.`,
        { extra: { limit: streamsPerTenant } },
      );
    }
    const place = new AbortController();
    this.open.set(tenantId, places.add(place));
    return place;
  }

  private leave(tenantId: TenantId, place: AbortController): void {
    place.abort();
    const places = this.open.get(tenantId);
    places?.delete(place);
    if (places?.size === 0) this.open.delete(tenantId);
  }

  private async *follow(
    ctx: OpContext,
    first: OperationEntity,
    view: (operation: OperationEntity) => unknown,
    seen: number,
    signal: AbortSignal,
  ): AsyncGenerator<string> {
    const { pollMs, heartbeatMs, longestMs } = this.options;
    const end = performance.now() + longestMs;
    let lastWords = performance.now();
    let sent = seen;
    yield RETRY_LINE;
    for (let operation = first; ; operation = await this.queries.operation(ctx, first.id)) {
      if (operation.version > sent) {
        yield serverSentEvent('operation', operation.version, view(operation));
        sent = operation.version;
        lastWords = performance.now();
      } else if (performance.now() - lastWords >= heartbeatMs) {
        yield HEARTBEAT;
        lastWords = performance.now();
      }
      if (isFinished(operation) || performance.now() >= end) return;
      await delay(pollMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
    }
  }
}
