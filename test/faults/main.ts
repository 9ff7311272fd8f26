import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { FAULTS, type Fault } from './faults.js';
import { MOVE_VARIABLE, moveOnce } from './moving-client.js';
import { roundsCommand } from './rounds-command.js';
import { tamperingCommand } from './tampering-command.js';

const USAGE = `Usage: npm run faults [-- --rounds <n>] [--seed <n>] [--minutes <n>] [--only <fault>,...]
       npm run faults -- tamper [--count <n>] [--seed <n>]

  --rounds <n>    how many faults, one after the other (default 12)
  --seed <n>      of the random numbers; printed at the start (default: drawn)
  --minutes <n>   no round begins later than this (default 10)
  --only <list>   only these: ${FAULTS.join(', ')}
  --count <n>     how many tamperings with rows, receipts and bundles (default 5000)`;

const EXIT_USAGE = 2;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '12' },
      seed: { type: 'string', default: `${randomInt(2 ** 31)}` },
      minutes: { type: 'string', default: '10' },
      count: { type: 'string', default: '5000' },
      only: { type: 'string', default: '' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const [command = 'rounds'] = positionals;
  const only = values.only.split(',').filter((name) => name !== '') as Fault[];
  const [rounds, seed, minutes, count] = [values.rounds, values.seed, values.minutes, values.count].map(Number) as [
    number,
    number,
    number,
    number,
  ];
  const wrong =
    only.some((name) => !FAULTS.includes(name)) || ![rounds, seed, minutes, count].every(Number.isSafeInteger);
  if (!wrong && command === 'rounds') return roundsCommand({ rounds, seed, minutes, only });
  if (!wrong && command === 'tamper') return tamperingCommand({ count, seed });
  if (command === 'move') return moveOnce(JSON.parse(process.env[MOVE_VARIABLE] ?? 'null'));
  process.stderr.write(`${USAGE}\n`);
  return EXIT_USAGE;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${(error as Error).stack ?? error}\n`);
  process.exitCode = 1;
}
