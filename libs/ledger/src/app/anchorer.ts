import { setTimeout as delay } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { AnchorChain, ChainUnavailableError } from '#chain';
import { AnchoringBlockedError } from '../domain/anchor.errors.js';
import type { Deployment } from '../domain/anchor.js';
import { AnchorLock } from '../infra/anchor-lock.js';
import { PlaceAnchorService } from './place-anchor.service.js';
import { PrepareAnchorLogService } from './prepare-anchor-log.service.js';
import { PromiseAnchorsService } from './promise-anchors.service.js';
import { ProveAnchorsService } from './prove-anchors.service.js';
import { SendAnchorsService } from './send-anchors.service.js';
import { SettleAnchorsService } from './settle-anchors.service.js';

export abstract class AnchorerOptions {
  /** The shortest time between two anchors, in milliseconds. */
  abstract readonly intervalMs: number;
  /** The same where somebody asked for an anchor at once. */
  abstract readonly urgentIntervalMs: number;
}

export type AnchorerState =
  /** standby: another process anchors; working: something is not final yet; idle: all is anchored as far as it was due. */
  | { state: 'stopped' | 'standby' | 'working' | 'idle' }
  /** unavailable: no answer from the chain or the database; blocked: see AnchoringBlockedError. Both are tried again. */
  | { state: 'unavailable' | 'blocked'; reason: string };

/** While something is under way; a development chain makes its block in a few milliseconds. */
const WORKING_MS = 100;
const IDLE_MS = 500;
const RETRY_MS = { first: 500, most: 15_000 };

/**
 * Brings the newest published checkpoint into the chain, at most every `intervalMs`, and keeps it there: what a node lost is
 * sent again. Writes never wait for it. Any number of processes may run one; a lock lets one work.
 */
@Injectable()
export class Anchorer implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(Anchorer.name);
  private readonly stopping = new AbortController();
  private current: AnchorerState = { state: 'stopped' };
  /** The registry on the chain that last answered. */
  private deployment: Deployment | null = null;
  private blockedBy: AnchoringBlockedError | null = null;
  private loop: Promise<void> | null = null;

  constructor(
    private readonly lock: AnchorLock,
    private readonly chain: AnchorChain,
    private readonly prepare: PrepareAnchorLogService,
    private readonly send: SendAnchorsService,
    private readonly settle: SettleAnchorsService,
    private readonly place: PlaceAnchorService,
    private readonly promises: PromiseAnchorsService,
    private readonly proofs: ProveAnchorsService,
    private readonly options: AnchorerOptions,
  ) {}

  onApplicationBootstrap(): void {
    this.loop ??= this.run();
  }

  /** While the database can still be reached. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.loop;
    await this.lock.release();
  }

  status(): AnchorerState {
    return this.current;
  }

  /** For the process's health: @throws AnchoringBlockedError. A chain that is down is no illness: writes go on. */
  async check(): Promise<void> {
    if (this.blockedBy) throw this.blockedBy;
  }

  /**
   * One turn: sends what the chain lacks, settles what it has, makes an anchor when one is due, promises those to come.
   * @throws AnchoringBlockedError, ChainUnavailableError, TransactionRefusedError; the next turn tries again
   */
  async tick(): Promise<AnchorerState> {
    try {
      this.current = await this.turn();
      this.blockedBy = null;
      return this.current;
    } catch (error) {
      this.blockedBy = error instanceof AnchoringBlockedError ? error : null;
      const reason = error instanceof Error ? error.message : 'the anchorer failed';
      this.current = { state: this.blockedBy ? 'blocked' : 'unavailable', reason };
      throw error;
    }
  }

  private async turn(): Promise<AnchorerState> {
    if (!(await this.lock.holds())) return { state: 'standby' };
    try {
      return await this.anchor();
    } catch (error) {
      // What is published meanwhile will be anchored when the chain is back, and that can be promised without it.
      if (error instanceof ChainUnavailableError && this.deployment) await this.promises.execute(this.deployment);
      throw error;
    }
  }

  private async anchor(): Promise<AnchorerState> {
    // The chain is asked before the database: what was signed since can only be more.
    const [chainId, minedBefore] = await Promise.all([
      this.chain.chainId(),
      this.chain.minedNonce(this.prepare.address),
    ]);
    const deployment = await this.prepare.deployment(chainId, minedBefore);
    this.deployment = deployment;
    await this.send.execute(deployment, minedBefore);
    const { minedNonce, unmined, open } = await this.settle.execute(deployment);
    const planned =
      (await this.prepare.changeSigners(deployment, minedNonce)) ||
      (await this.place.execute(deployment, { minedNonce, ...this.options }));
    await this.promises.execute(deployment);
    if (planned) await this.send.execute(deployment, minedNonce);
    const unproven = await this.proofs.execute(deployment);
    return { state: planned || unmined > 0 || open > 0 || unproven ? 'working' : 'idle' };
  }

  private async run(): Promise<void> {
    let failures = 0;
    let said = '';
    while (!this.stopping.signal.aborted) {
      let wait: number;
      try {
        const { state } = await this.tick();
        if (failures > 0) this.logger.log('anchoring goes on');
        [failures, said] = [0, ''];
        wait = state === 'working' ? WORKING_MS : IDLE_MS;
      } catch (error) {
        // Once: a chain that is down for a night fills no log.
        const reason = error instanceof Error ? error.message : 'the anchorer failed';
        if (reason !== said) this.say(reason, error);
        said = reason;
        wait = Math.min(RETRY_MS.first * 2 ** failures, RETRY_MS.most);
        failures += 1;
      }
      await delay(wait, undefined, { signal: this.stopping.signal }).catch(() => undefined);
    }
    this.current = { state: 'stopped' };
  }

  private say(reason: string, error: unknown): void {
    if (error instanceof ChainUnavailableError) this.logger.warn(`${reason} Writes go on; anchoring waits.`);
    else this.logger.error(reason, error instanceof Error ? error.stack : undefined);
  }
}
