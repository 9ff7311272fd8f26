import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { UnitOfWork } from '#database';
import { newId, type OpContext, SYSTEM_TENANT_ID, type TenantId } from '#kernel';
import { OpenLogRepository } from '../infra/open-log.repository.js';
import { OwnEntryRepository } from '../infra/own-entry.repository.js';

/** How often a process that somebody listens to looks for a new checkpoint. */
const POLL_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** How far one of the things is published that somebody listens to: the log by its size, a chain by its last number. */
export interface TailPosition {
  readonly position: number;
  /** Waits until it is beyond `after`, at most so long; false when it is not by then. */
  beyond(after: number, ms: number, signal: AbortSignal): Promise<boolean>;
  close(): void;
}

/** What is listened to: the log, or one tenant's chain. */
class Listened {
  readonly wakeUps = new Set<() => void>();
  listeners = 0;
  position = 0;

  moveTo(position: number): void {
    if (position <= this.position) return;
    this.position = position;
    for (const wakeUp of [...this.wakeUps]) wakeUp();
  }
}

/**
 * Where the published log ends, watched once for all streams of a process: one small query at a time while anybody listens,
 * and none while nobody does. When a checkpoint is new, one more round trip tells which of the tenants that are listened
 * for have entries in it.
 */
@Injectable()
export class LogTail implements OnModuleDestroy {
  private readonly logger = new Logger(LogTail.name);
  private readonly stopping = new AbortController();
  private readonly log = new Listened();
  private readonly chains = new Map<TenantId, Listened>();
  private polling: Promise<void> | null = null;

  constructor(
    private readonly uow: UnitOfWork,
    private readonly openLog: OpenLogRepository,
    private readonly entries: OwnEntryRepository,
  ) {}

  /** Listens to the log, from its present size on. */
  ofLog(): Promise<TailPosition> {
    const tail = this.listen(this.log, () => undefined);
    return upToDate(tail, async () => this.log.moveTo(await this.openLog.newestSize()));
  }

  /** Listens to a tenant's chain, from its last published entry on. */
  ofChain(tenantId: TenantId): Promise<TailPosition> {
    const chain = this.chains.get(tenantId) ?? new Listened();
    this.chains.set(tenantId, chain);
    const tail = this.listen(chain, () => this.chains.delete(tenantId));
    return upToDate(tail, async () => {
      const seqs = await this.seqsAt([tenantId], await this.openLog.newestSize());
      chain.moveTo(seqs.get(tenantId) ?? 0);
    });
  }

  async onModuleDestroy(): Promise<void> {
    this.stopping.abort();
    await this.polling;
  }

  private listen(to: Listened, whenLastLeaves: () => void): TailPosition {
    let open = true;
    to.listeners += 1;
    this.polling ??= this.poll();
    return {
      get position() {
        return to.position;
      },
      beyond: (after, ms, signal) => movesBeyond(to, after, ms, signal),
      close: () => {
        if (!open) return;
        open = false;
        to.listeners -= 1;
        if (to.listeners === 0) whenLastLeaves();
      },
    };
  }

  private async poll(): Promise<void> {
    let size = 0;
    let pause = POLL_MS;
    while (!this.stopping.signal.aborted && this.log.listeners + this.chains.size > 0) {
      try {
        const published = await this.openLog.newestSize();
        if (published > size && this.chains.size > 0) await this.moveChains(published);
        size = published;
        this.log.moveTo(published);
        pause = POLL_MS;
      } catch (err) {
        if (pause === POLL_MS) this.logger.warn({ err }, 'the end of the log cannot be read; it is tried again');
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      }
      await delay(pause, undefined, { signal: this.stopping.signal }).catch(() => undefined);
    }
    this.polling = null;
  }

  private async moveChains(size: number): Promise<void> {
    for (const [tenantId, seq] of await this.seqsAt([...this.chains.keys()], size)) {
      this.chains.get(tenantId)?.moveTo(seq);
    }
  }

  private seqsAt(tenantIds: readonly TenantId[], size: number): Promise<Map<TenantId, number>> {
    return this.uow.read(tailContext(), (tx) => this.entries.publishedSeqs(tx, tenantIds, size));
  }
}

/** Reads the position after it is listened to: what is published in between is then seen by the one or by the other. */
async function upToDate(tail: TailPosition, read: () => Promise<void>): Promise<TailPosition> {
  try {
    await read();
    return tail;
  } catch (error) {
    tail.close();
    throw error;
  }
}

async function movesBeyond(to: Listened, after: number, ms: number, signal: AbortSignal): Promise<boolean> {
  if (to.position > after || signal.aborted) return to.position > after;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      to.wakeUps.delete(done);
      signal.removeEventListener('abort', done);
      resolve();
    }
    to.wakeUps.add(done);
    signal.addEventListener('abort', done);
  });
  return to.position > after;
}

/** Acts for nobody: what it may see is set for each tenant that is listened for. */
function tailContext(): OpContext {
  return {
    actor: { type: 'system', id: 'log-tail', keyId: null, roles: [] },
    tenantId: SYSTEM_TENANT_ID,
    requestId: newId('request'),
    permissions: new Set(),
  };
}
