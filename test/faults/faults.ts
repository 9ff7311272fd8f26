import { identify, isAlive, type ProcessIdentity } from '#embedded';
import { until } from '../support/until.js';
import type { RealStack } from './real-stack.js';
import type { SeededRandom } from './seeded-random.js';
import { untilFound } from './until-found.js';

/** What is done to the stack, by name. */
export const FAULTS = [
  'api',
  'leader',
  'worker',
  'data',
  'postgres',
  'chain',
  'client',
  'pause',
  'supervisor',
  'everything',
] as const;
export type Fault = (typeof FAULTS)[number];

export interface Victims {
  stack: RealStack;
  random: SeededRandom;
  /** The process that moves data now, if one runs. */
  clientPid(): number | null;
}

const VICTIM_WITHIN_MS = 60_000;
const SUCCESSOR_WITHIN_MS = 60_000;

/** Does it. Returns what was done, for the table. The stack is not whole when it returns, and may need a new supervisor. */
export async function inflict(fault: Fault, victims: Victims): Promise<string> {
  const { stack, random } = victims;
  switch (fault) {
    case 'api':
    case 'worker':
    case 'data':
    case 'postgres':
    case 'chain':
      return killService(stack, random.pick(stack.namesOf(fault)));
    case 'leader':
      return killService(stack, await leaderOf(stack));
    case 'pause':
      return pauseLeader(stack);
    case 'client':
      return killClient(victims);
    case 'supervisor': {
      const { process: supervisor } = requireState(stack);
      kill(supervisor);
      await stack.supervisorGone();
      return `killed the supervisor ${supervisor.pid}`;
    }
    case 'everything': {
      const all = stack.everyProcess();
      for (const one of all) kill(one);
      await stack.supervisorGone();
      return `killed all ${all.length} processes`;
    }
  }
}

/** Whether the fault leaves nobody who would start the rest again. */
export function needsNewSupervisor(fault: Fault): boolean {
  return fault === 'supervisor' || fault === 'everything';
}

async function killService(stack: RealStack, name: string): Promise<string> {
  const killed = await untilFound(`${name} runs`, () => stack.processOf(name), VICTIM_WITHIN_MS);
  kill(killed);
  await until(`${name} is dead`, () => !isAlive(killed));
  return `killed ${name} ${killed.pid}`;
}

function leaderOf(stack: RealStack): Promise<string> {
  return untilFound('a worker leads', async () => (await stack.leaders())[0], VICTIM_WITHIN_MS);
}

/** Stops the leading worker in its tracks until another has taken the log, and lets it wake. */
async function pauseLeader(stack: RealStack): Promise<string> {
  const name = await leaderOf(stack);
  const paused = stack.processOf(name);
  if (!paused) throw new Error(`${name} leads and has no process`);
  const from = Date.now();
  process.kill(paused.pid, 'SIGSTOP');
  try {
    const other = async () => (await stack.leaders()).some((leader) => leader !== name);
    await until(`another worker leads while ${name} is stopped`, other, SUCCESSOR_WITHIN_MS);
  } finally {
    if (isAlive(paused)) process.kill(paused.pid, 'SIGCONT');
  }
  return `stopped ${name} ${paused.pid} for ${((Date.now() - from) / 1000).toFixed(1)} s, until another led`;
}

async function killClient({ clientPid }: Victims): Promise<string> {
  const client = await untilFound('a client moves data', () => identify(clientPid() ?? 0), VICTIM_WITHIN_MS);
  kill(client);
  return `killed the moving client ${client.pid}`;
}

function requireState(stack: RealStack) {
  const state = stack.state();
  if (!state) throw new Error('no supervisor runs');
  return state;
}

function kill(victim: ProcessIdentity): void {
  if (isAlive(victim)) process.kill(victim.pid, 'SIGKILL');
}
