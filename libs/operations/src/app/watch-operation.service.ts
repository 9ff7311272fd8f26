import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { type EventStream, HEARTBEAT, RETRY_LINE, StreamPlaces, serverSentEvent } from '#http';
import type { OpContext, OperationId } from '#kernel';
import { lastSeenVersion } from '../domain/last-seen-version.js';
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

/**
 * Lets a caller watch an operation. An event is the operation as it is now and its id is the operation's version: a slow
 * reader skips versions, and one that comes again misses nothing that still matters.
 */
@Injectable()
export class WatchOperationService implements OnModuleDestroy {
  private readonly places: StreamPlaces;

  constructor(
    private readonly queries: OperationQueries,
    private readonly options: WatchOptions,
  ) {
    this.places = new StreamPlaces({
      perHolder: options.streamsPerTenant,
      refusal: (limit) =>
        `This tenant watches ${limit} operations already; close a stream, or read GET /v1/operations instead.`,
    });
  }

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
  ): Promise<EventStream | null> {
    const first = await this.queries.operation(ctx, id);
    const seen = lastSeenVersion(lastEventId, first.version);
    if (isFinished(first) && seen === first.version) return null;
    const { signal, leave } = this.places.take(ctx.tenantId);
    return { events: this.follow(ctx, first, view, seen, signal), close: leave };
  }

  onModuleDestroy(): void {
    this.places.closeAll();
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
