import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { SystemUnitOfWork } from '#database';
import { EpochLostError, type HeldLog, LEASE_SECONDS } from '../domain/held-log.js';
import { LogCorruptError, LogRolledBackError } from '../domain/ledger.errors.js';
import { LogRepository } from '../infra/log.repository.js';
import { PublishHeadService } from './publish-head.service.js';
import { SequenceEntriesService } from './sequence-entries.service.js';
import { TakeOverLogService } from './take-over-log.service.js';

export abstract class SequencerOptions {
  /** How long to wait when there is nothing to do, in milliseconds. */
  abstract readonly intervalMs: number;
}

export type SequencerState =
  | { state: 'standby' | 'leading' | 'stopped' }
  /** Nothing is signed any more until an operator has decided and the process is started again. */
  | { state: 'halted'; reason: string };

/** So many entries at once, and the next turn does not wait: a batch of them is never older than a turn takes. */
const SEALED_AT_ONCE = 256;

/** How long a sequencer that failed for a passing reason (no database, no disk) waits before it tries again. */
const RETRY_MS = 500;

/**
 * The log's one writer. Any number of processes may run one; the database lets one hold the log, and an epoch refuses the
 * writes of a holder that was taken for dead.
 */
@Injectable()
export class Sequencer implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(Sequencer.name);
  private readonly holder = `${hostname()}:${process.pid}:${randomBytes(4).toString('hex')}`;
  private readonly stopping = new AbortController();
  private held: HeldLog | null = null;
  private renewAt = 0;
  private current: SequencerState = { state: 'stopped' };
  private haltedBy: LogRolledBackError | LogCorruptError | null = null;
  private loop: Promise<void> | null = null;

  constructor(
    private readonly uow: SystemUnitOfWork,
    private readonly log: LogRepository,
    private readonly takeOver: TakeOverLogService,
    private readonly sequence: SequenceEntriesService,
    private readonly publish: PublishHeadService,
    private readonly options: SequencerOptions,
  ) {}

  onApplicationBootstrap(): void {
    this.loop ??= this.run();
  }

  /** While there is still a database: the turn under way ends, and the next sequencer need not wait for the lease. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.loop;
    await this.release();
  }

  status(): SequencerState {
    return this.current;
  }

  /** For the process's health: @throws LogRolledBackError, LogCorruptError, whichever halted the sequencer */
  async check(): Promise<void> {
    if (this.haltedBy) throw this.haltedBy;
  }

  /**
   * One turn: takes the log if it is free, takes in what is pending, publishes. Returns how many entries went in.
   * @throws LogRolledBackError, LogCorruptError, upon which the sequencer stays halted; other errors pass
   */
  async tick(): Promise<number> {
    if (this.current.state === 'halted') return 0;
    try {
      return await this.turn();
    } catch (error) {
      // What the database holds now is unknown or no longer ours: nothing in memory is good for another turn.
      this.held = null;
      if (error instanceof EpochLostError) {
        this.current = { state: 'standby' };
        return 0;
      }
      if (error instanceof LogRolledBackError || error instanceof LogCorruptError) {
        this.haltedBy = error;
        this.current = { state: 'halted', reason: error.message };
      }
      throw error;
    }
  }

  private async turn(): Promise<number> {
    this.held ??= await this.takeOver.execute(this.holder);
    if (!this.held) {
      this.current = { state: 'standby' };
      return 0;
    }
    this.current = { state: 'leading' };
    const { held, count } = await this.sequence.execute(this.held);
    this.held = held;
    if (count > 0) this.renewAt = Date.now() + (LEASE_SECONDS * 1000) / 3;
    const behind = this.held.publishedSize < this.held.appender.size;
    if (behind && this.publish.ready()) this.held = await this.publish.execute(this.held);
    else await this.renew(this.held);
    return count;
  }

  private async renew(held: HeldLog): Promise<void> {
    if (Date.now() < this.renewAt) return;
    const renewed = await this.uow.run((tx) => this.log.renewLease(tx, held.epoch, LEASE_SECONDS));
    if (!renewed) throw new EpochLostError(held.epoch);
    await this.publish.keepFile(held);
    this.renewAt = Date.now() + (LEASE_SECONDS * 1000) / 3;
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      let wait = this.options.intervalMs;
      try {
        if ((await this.tick()) >= SEALED_AT_ONCE) wait = 0;
      } catch (error) {
        this.logger.error(error instanceof Error ? error.message : 'the sequencer failed', stackOf(error));
        wait = RETRY_MS;
      }
      if (this.current.state === 'halted') return;
      await delay(wait, undefined, { signal: this.stopping.signal }).catch(() => undefined);
    }
    this.current = { state: 'stopped' };
  }

  private async release(): Promise<void> {
    const held = this.held;
    this.held = null;
    if (!held) return;
    await this.uow.run((tx) => this.log.renewLease(tx, held.epoch, 0)).catch(() => undefined);
  }
}

function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : undefined;
}
