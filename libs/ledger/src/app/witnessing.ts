import { setTimeout as delay } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { SystemUnitOfWork } from '#database';
import { parseNote, readCosignature, TileTree, TreeHasher } from '#merkle';
import { nodeCrypto, type WitnessPolicy } from '#proof';
import type { SignedHead } from '../domain/checkpoint-gate.js';
import type { WitnessSetting, WitnessStanding, WitnessState } from '../domain/witness.js';
import { type AskOutcome, WitnessRounds } from '../domain/witness-rounds.js';
import { LogRepository } from '../infra/log.repository.js';
import { type WitnessLine, WitnessRepository } from '../infra/witness.repository.js';
import type { WitnessClient } from '../infra/witness-client.js';

/** Who is asked to cosign, and how many make a checkpoint a witnessed one. */
export abstract class WitnessingOptions {
  abstract readonly settings: readonly WitnessSetting[];
  /** Keys in the order of the settings. */
  abstract readonly policy: WitnessPolicy;
  /** A head is published only when it is witnessed. */
  abstract readonly required: boolean;
  abstract readonly client: WitnessClient;
}

/** Publishes a head with the lines that make it a witnessed one; false when its sequencer has been replaced. */
export type PublishWitnessed = (head: SignedHead, lines: readonly WitnessLine[]) => Promise<boolean>;

const PATIENCE = { firstMs: 250, mostMs: 15_000 };
/** A witness names another size than we thought at most so often before it has to wait like one that failed. */
const ATTEMPTS = 4;
/** How far ahead of ours a witness's clock may be, in seconds. */
const CLOCK_SLACK = 300;
const STORE_MS = 500;
const MAX_PROOFS = 64;

/**
 * Gets the log's heads cosigned (c2sp.org/tlog-witness): the newest one, by all witnesses at once, each from the size that it
 * has. What a witness says is never believed beyond what it proves; one that contradicts this log is reported, and counts for
 * nothing. Heads come from the process that holds the log; any other only makes up for what was missed before it started.
 */
@Injectable()
export class Witnessing implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(Witnessing.name);
  private readonly hasher = new TreeHasher(nodeCrypto.sha256);
  private readonly rounds: WitnessRounds<SignedHead>;
  private readonly standings = new Map<string, WitnessStanding>();
  private readonly lines = new Map<number, WitnessLine[]>();
  private readonly proofs = new Map<string, Promise<Uint8Array[]>>();
  private readonly asking = new Set<Promise<void>>();
  private readonly stopping = new AbortController();
  /** Of the newest published head, as far as this process knows. */
  private published = 0;
  private publishing = false;
  private dirty = false;
  private storedAt = 0;
  private wake: () => void = () => undefined;
  private loop: Promise<void> | null = null;
  private publish: PublishWitnessed | null = null;

  constructor(
    private readonly uow: SystemUnitOfWork,
    private readonly log: LogRepository,
    private readonly repository: WitnessRepository,
    private readonly options: WitnessingOptions,
  ) {
    const { settings, policy } = options;
    this.rounds = new WitnessRounds(
      settings.map(({ vkey }) => vkey),
      policy.threshold,
      PATIENCE,
    );
  }

  async onApplicationBootstrap(): Promise<void> {
    const { settings, policy, required } = this.options;
    const named = settings.map((setting, at) => ({ ...setting, name: policy.witnesses[at]!.name }));
    const newest = await this.uow.run(async (tx) => {
      await this.repository.configure(tx, named, { threshold: policy.threshold, required });
      for (const standing of await this.repository.standings(tx)) this.standings.set(standing.vkey, standing);
      return this.repository.newestHead(tx);
    });
    if (settings.length === 0) return;
    if (newest && [...this.standings.values()].some(({ cosignedSize }) => cosignedSize < newest.size)) {
      this.published = newest.size;
      this.offer(newest);
    }
    this.loop ??= this.run();
  }

  /** While there is still a database. Asks under way end with the process: a witness asked twice signs the same. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    this.wake();
    await Promise.allSettled([this.loop, ...this.asking]);
    await this.storeStandings().catch(() => undefined);
  }

  /** What each witness's state is now, by name. */
  states(): { name: string; state: WitnessState }[] {
    return [...this.standings.values()].map(({ name, state }) => ({ name, state }));
  }

  /** Sets what publishes a witnessed head; without it, what is offered is published already. */
  publishThrough(publish: PublishWitnessed): void {
    this.publish = publish;
  }

  /** A head to be cosigned. It is signed, and durable in the head file. */
  offer(head: SignedHead): void {
    this.rounds.offer(head);
    this.wake();
  }

  /** Whether a newer head would be asked for at once. */
  wantsNewer(): boolean {
    return !this.publishing && this.rounds.wantsNewer(Date.now());
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      try {
        await this.turn();
      } catch (error) {
        this.logger.error(error instanceof Error ? error.message : 'witnessing failed');
        await delay(PATIENCE.firstMs, undefined, { signal: this.stopping.signal }).catch(() => undefined);
      }
      const due = this.rounds.nextDue(Date.now());
      const wait = due === null ? STORE_MS : Math.min(STORE_MS, Math.max(1, due - Date.now()));
      const waiting = new AbortController();
      const timer = delay(wait, undefined, { signal: waiting.signal }).catch(() => undefined);
      await Promise.race([woken, timer]);
      waiting.abort();
    }
  }

  private async turn(): Promise<void> {
    await this.complete();
    for (const vkey of this.rounds.asks(Date.now())) {
      const asked = this.askFor(vkey, this.rounds.candidate!);
      this.asking.add(asked);
      void asked.finally(() => this.asking.delete(asked));
    }
    if (this.dirty && Date.now() - this.storedAt >= STORE_MS) await this.storeStandings();
  }

  /** Stores the lines that have come, one head after the other, until nothing is left that can be stored now. */
  private async complete(): Promise<void> {
    for (let next = this.takeLines(); next; next = this.takeLines()) {
      try {
        await this.store(next);
      } catch (error) {
        this.lines.set(next.size, [...next.lines, ...(this.lines.get(next.size) ?? [])]);
        throw error;
      }
    }
  }

  private takeLines(): { size: number; lines: WitnessLine[]; unpublished: SignedHead | null } | null {
    const { candidate, complete } = this.rounds;
    for (const [size, lines] of this.lines) {
      const isPublished = !this.publish || size <= this.published;
      const unpublished = !isPublished && size === candidate?.size ? candidate : null;
      if (unpublished && !complete) continue;
      this.lines.delete(size);
      // Lines under a head that will never be published belong to nothing.
      if (isPublished || unpublished) return { size, lines, unpublished };
    }
    return null;
  }

  private async store({ size, lines, unpublished }: NonNullable<ReturnType<Witnessing['takeLines']>>): Promise<void> {
    const { threshold } = this.options.policy;
    if (!unpublished) return this.uow.run((tx) => this.repository.addCosignatures(tx, size, lines, threshold));
    this.publishing = true;
    try {
      if (await this.publish!(unpublished, lines)) this.published = size;
      else this.rounds.drop();
    } finally {
      this.publishing = false;
    }
  }

  private async askFor(vkey: string, head: SignedHead): Promise<void> {
    let outcome: AskOutcome = { kind: 'failed' };
    try {
      outcome = await this.converse(vkey, head);
    } catch (error) {
      this.failed(vkey, 'unreachable', error instanceof Error ? error.message : 'it could not be asked');
    }
    this.rounds.settle(vkey, head.size, outcome, Date.now());
    this.wake();
  }

  /** Asks from the size that the witness has, and again when it names another. */
  private async converse(vkey: string, head: SignedHead): Promise<AskOutcome> {
    const standing = this.standings.get(vkey)!;
    const stop = this.stopping.signal;
    let oldSize = standing.cosignedSize;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      if (oldSize > head.size) return this.ahead(standing, oldSize);
      const proof = await this.proof(oldSize, head.size);
      const answer = await this.options.client.ask({ url: standing.url, oldSize, proof, checkpoint: head.note }, stop);
      if (answer.kind === 'refused') return this.failed(vkey, answer.state, answer.reason);
      if (answer.kind === 'signed') return this.take(standing, head, answer.lines);
      if (answer.size === oldSize)
        return this.failed(vkey, 'alarm', `it has cosigned another head of ${oldSize} entries`);
      oldSize = answer.size;
    }
    return this.failed(vkey, 'unreachable', 'it names another size each time that it is asked');
  }

  /** A size beyond this log's own is a lie, or the log was put back to an older copy: in both cases somebody must look. */
  private async ahead(standing: WitnessStanding, size: number): Promise<AskOutcome> {
    const own = await this.uow.run((tx) => this.repository.treeSize(tx));
    if (size <= own) return { kind: 'ahead', size };
    return this.failed(standing.vkey, 'alarm', `it says that it has cosigned ${size} entries, and the log has ${own}`);
  }

  private async take(standing: WitnessStanding, head: SignedHead, reply: string): Promise<AskOutcome> {
    const witness =
      this.options.policy.witnesses[this.options.settings.findIndex(({ vkey }) => vkey === standing.vkey)]!;
    let found: Awaited<ReturnType<typeof readCosignature>>;
    try {
      found = await readCosignature(parseNote(head.note).text, reply, witness, nodeCrypto.ed25519Verify);
    } catch (error) {
      return this.failed(standing.vkey, 'alarm', `its cosignature does not hold: ${(error as Error).message}`);
    }
    const now = Math.floor(Date.now() / 1000);
    if (found.time === 0 || found.time > now + CLOCK_SLACK) {
      return this.failed(
        standing.vkey,
        'alarm',
        `it says that it cosigned at ${found.time} s after 1970, and it is ${now}`,
      );
    }
    this.lines.set(head.size, [...(this.lines.get(head.size) ?? []), { vkey: standing.vkey, ...found }]);
    if (head.size >= standing.cosignedSize) {
      standing.cosignedSize = head.size;
      standing.cosignedAt = new Date(found.time * 1000);
    }
    if (standing.state !== 'ok') this.logger.log(`the witness ${standing.name} cosigns`);
    standing.state = 'ok';
    this.dirty = true;
    return { kind: 'cosigned' };
  }

  /** Once for each reason: a witness that is down for a night fills no log. */
  private failed(vkey: string, state: WitnessState, reason: string): AskOutcome {
    if (this.stopping.signal.aborted) return { kind: 'failed' };
    const standing = this.standings.get(vkey)!;
    if (standing.state !== state || standing.failure !== reason) {
      const line = `the witness ${standing.name} does not cosign: ${reason}`;
      if (state === 'alarm') this.logger.error(line);
      else this.logger.warn(line);
    }
    Object.assign(standing, { state, failure: reason, failedAt: new Date() });
    this.dirty = true;
    return { kind: 'failed' };
  }

  /** Witnesses that keep up ask for the same proof. */
  private proof(oldSize: number, size: number): Promise<Uint8Array[]> {
    if (oldSize === 0 || oldSize === size) return Promise.resolve([]);
    const name = `${oldSize}-${size}`;
    const known = this.proofs.get(name);
    if (known) return known;
    const proof = this.uow.run((tx) =>
      new TileTree(this.hasher, size, (tile) => this.log.readTile(tx, tile)).consistencyProof(oldSize, size),
    );
    if (this.proofs.size >= MAX_PROOFS) this.proofs.clear();
    this.proofs.set(name, proof);
    proof.catch(() => this.proofs.delete(name));
    return proof;
  }

  private async storeStandings(): Promise<void> {
    if (!this.dirty) return;
    this.dirty = false;
    this.storedAt = Date.now();
    await this.uow.run((tx) => this.repository.storeStandings(tx, [...this.standings.values()]));
  }
}
