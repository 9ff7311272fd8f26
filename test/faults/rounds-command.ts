import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FAULTS, type Fault } from './faults.js';
import { type Round, type RoundsReport, runRounds } from './run-rounds.js';
import { SeededRandom } from './seeded-random.js';

export interface RoundsCommand {
  rounds: number;
  seed: number;
  minutes: number;
  /** Only these; every kind when empty. */
  only: Fault[];
}

const print = (line: string) => void process.stdout.write(`${line}\n`);

/** `npm run faults`: prints what happens as it happens. Returns the exit code. */
export async function roundsCommand({ rounds, seed, minutes, only }: RoundsCommand): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'freehold-faults-'));
  print(`seed ${seed}: run again with --seed ${seed}; everything is in ${folder}`);
  print(' #  fault       whole after  answered after  changes meanwhile  what was done');
  const report = await runRounds({
    folder,
    faults: orderOf(rounds, seed, only),
    seed,
    minutes,
    tenants: 4,
    callersPerTenant: 2,
    paceMs: 200,
    bytesPerMove: 12_000_000,
    calmMs: 4_000,
    onRound: (round) => print(rowOf(round)),
    say: (line) => print(`    ${line}`),
  });
  printReport(report);
  const broken = report.findings.some(({ ok }) => !ok);
  if (broken) print(`\nBROKEN (seed ${seed}); logs are in ${folder}`);
  return broken ? 1 : 0;
}

/** Every kind once before any comes again, in an order of the seed's. */
export function orderOf(rounds: number, seed: number, only: readonly Fault[]): Fault[] {
  const random = new SeededRandom(seed);
  const order: Fault[] = [];
  while (order.length < rounds) order.push(...random.shuffled(only.length > 0 ? only : FAULTS));
  return order.slice(0, rounds);
}

function rowOf({ number, fault, wholeMs, answeredMs, acknowledged, done }: Round): string {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  const cells = [seconds(wholeMs).padStart(11), seconds(answeredMs).padStart(14), `${acknowledged}`.padStart(17)];
  return `${`${number}`.padStart(2)}  ${fault.padEnd(10)}  ${cells.join('  ')}  ${done}`;
}

function printReport({ findings, rounds, acknowledged, retried, seconds }: RoundsReport): void {
  print('');
  for (const { what, ok, detail } of findings) print(`${ok ? 'ok    ' : 'BROKEN'}  ${what.padEnd(52)}  ${detail}`);
  print('');
  print(
    `${rounds.length} rounds, ${acknowledged} acknowledged changes (${retried} of them sent more than once), ${seconds.toFixed(0)} s`,
  );
}
