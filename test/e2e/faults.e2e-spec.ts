import { randomInt } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fault } from '../faults/faults.js';
import { runRounds } from '../faults/run-rounds.js';

const PATIENCE_MS = 600_000;
/** The rest, and many more rounds of each: `npm run faults`. */
const ROUNDS: Fault[] = ['leader', 'client', 'postgres', 'everything'];

it(
  'loses no acknowledged change and leaves nothing unanchored, whatever is killed under load',
  async () => {
    const seed = randomInt(2 ** 31);
    const { rounds, findings, acknowledged } = await runRounds({
      folder: mkdtempSync(join(tmpdir(), 'freehold-faults-')),
      faults: ROUNDS,
      seed,
      minutes: 5,
      tenants: 2,
      callersPerTenant: 2,
      paceMs: 150,
      bytesPerMove: 12_000_000,
      calmMs: 500,
    });
    expect({ seed, broken: findings.filter(({ ok }) => !ok) }).toEqual({ seed, broken: [] });
    expect(findings.length).toBeGreaterThan(10);
    expect(rounds.map(({ fault }) => fault)).toEqual(ROUNDS);
    expect(acknowledged).toBeGreaterThan(50);
  },
  PATIENCE_MS,
);
