import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ApiClient } from './api-client.js';
import { ChangeLoad } from './change-load.js';
import { type Fault, inflict, needsNewSupervisor } from './faults.js';
import { checkEverything, type Finding } from './final-checks.js';
import { LogWatcher } from './log-watcher.js';
import { MovingClient } from './moving-client.js';
import { RealStack } from './real-stack.js';
import { SeededRandom } from './seeded-random.js';

export interface RoundsOptions {
  folder: string;
  /** In this order; one round each. */
  faults: readonly Fault[];
  seed: number;
  /** No round begins later than this. */
  minutes: number;
  tenants: number;
  callersPerTenant: number;
  paceMs: number;
  bytesPerMove: number;
  /** How long the load runs before a fault, at most. */
  calmMs: number;
  onRound?: (round: Round) => void;
  say?: (line: string) => void;
}

export interface Round {
  number: number;
  fault: Fault;
  done: string;
  /** From the fault until a change that was sent after it was answered. */
  answeredMs: number;
  /** From the fault until every process was ready and one worker led. */
  wholeMs: number;
  acknowledged: number;
}

export interface RoundsReport {
  rounds: Round[];
  findings: Finding[];
  acknowledged: number;
  /** Changes that had to be sent more than once before they were answered. */
  retried: number;
  seconds: number;
}

/** Starts the stack from nothing, puts load on it, does one fault after the other, and looks at what is left. */
export async function runRounds(options: RoundsOptions): Promise<RoundsReport> {
  const from = Date.now();
  const random = new SeededRandom(options.seed);
  const stack = await RealStack.prepare({
    folder: options.folder,
    apis: 2,
    workers: 2,
    environment: { FREEHOLD_ANCHOR_INTERVAL_MS: '500', FREEHOLD_LOG_LEVEL: 'info' },
  });
  const under = new UnderLoad(stack, options, random);
  let broken = true;
  try {
    const rounds = await under.run(from + options.minutes * 60_000);
    options.say?.('the load ends; waiting until every entry is anchored');
    const findings = await under.settleAndCheck();
    const { changes } = under;
    const retried = changes.tenants.flatMap((tenant) => tenant.acknowledged).filter((one) => one.attempts > 1).length;
    broken = findings.some((finding) => !finding.ok);
    return { rounds, findings, acknowledged: changes.acknowledged, retried, seconds: (Date.now() - from) / 1000 };
  } finally {
    await under.abandon();
    await stack.destroy({ keepLogs: broken });
  }
}

/** The stack with everybody who uses it. */
class UnderLoad {
  changes: ChangeLoad;
  private moving: MovingClient;
  private readonly watcher: LogWatcher;
  private readonly abandoned = new AbortController();

  constructor(
    private readonly stack: RealStack,
    private readonly options: RoundsOptions,
    private readonly random: SeededRandom,
  ) {
    this.watcher = new LogWatcher(stack.apiUrls);
  }

  async run(deadline: number): Promise<Round[]> {
    const { stack, options } = this;
    await stack.start();
    await this.prepare();
    this.watcher.start();
    this.changes.start();
    this.moving.start();
    await stack.untilWhole();
    options.say?.('the stack is whole and under load');
    const rounds: Round[] = [];
    for (const fault of options.faults) {
      if (Date.now() > deadline) {
        options.say?.(`time is up after ${rounds.length} rounds`);
        break;
      }
      // Not for the timing of a test: the fault is to strike at a moment that nobody chose.
      await delay(this.random.below(options.calmMs));
      const round = await this.round(rounds.length + 1, fault);
      options.onRound?.(round);
      rounds.push(round);
    }
    return rounds;
  }

  async settleAndCheck(): Promise<Finding[]> {
    const { stack, changes, moving, watcher } = this;
    await changes.stop();
    await moving.stop();
    await stack.untilWhole();
    return checkEverything({ stack, changes, moving, watcher });
  }

  /** Ends everybody, whatever they wait for. */
  async abandon(): Promise<void> {
    this.abandoned.abort(new Error('the run was abandoned'));
    await Promise.all([this.changes?.stop(), this.moving?.abandon(), this.watcher.stop()]);
  }

  private async prepare(): Promise<void> {
    const { stack, options, random } = this;
    const { apiUrls, operatorKey } = stack;
    this.changes = await ChangeLoad.prepare({
      apiUrls,
      operatorKey,
      random,
      abandoned: this.abandoned.signal,
      ...options,
    });
    await registerNodes(new ApiClient(apiUrls, operatorKey), join(options.folder, 'nodes'));
    const [mover] = this.changes.tenants;
    const folder = join(options.folder, 'move');
    const { bytesPerMove } = options;
    this.moving = await MovingClient.prepare({ apiUrls, apiKey: mover?.apiKey ?? '', folder, random, bytesPerMove });
  }

  private async round(number: number, fault: Fault): Promise<Round> {
    const { stack, changes, moving, random } = this;
    const before = changes.acknowledged;
    const from = Date.now();
    const done = await inflict(fault, { stack, random, clientPid: () => moving.pid });
    const starting = needsNewSupervisor(fault) ? stack.start() : Promise.resolve();
    const [answeredMs] = await Promise.all([this.answer().then(() => Date.now() - from), starting]);
    await stack.untilWhole();
    return { number, fault, done, answeredMs, wholeMs: Date.now() - from, acknowledged: changes.acknowledged - before };
  }

  /** A change of its own, answered. */
  private async answer(): Promise<void> {
    const { apiUrls, operatorKey } = this.stack;
    const client = new ApiClient(apiUrls, operatorKey, this.abandoned.signal);
    const body = { allowed: 1000 };
    const path = `/v1/system/tenants/${this.changes.tenants[0]?.id}/quotas/vpcs`;
    const { status } = await client.change({ method: 'PUT', path, body, key: randomUUID() });
    if (status >= 300) throw new Error(`the operator's change was refused with ${status}`);
  }
}

/** Six folders, each a storage node in a failure domain of its own. */
async function registerNodes(operator: ApiClient, folder: string): Promise<void> {
  for (let at = 0; at < 6; at += 1) {
    const body = { name: `node ${at}`, location: join(folder, `${at}`), failureDomain: `rack-${at}` };
    const reply = await operator.change({ method: 'POST', path: '/v1/system/storage-nodes', body, key: randomUUID() });
    if (reply.status !== 201) throw new Error(`no storage node: ${reply.status} ${JSON.stringify(reply.body)}`);
  }
}
