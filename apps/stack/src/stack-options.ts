import { parseArgs } from 'node:util';

export interface StackOptions {
  apiCount: number;
  workerCount: number;
  /** Show every log line of the children, and not only warnings. */
  verbose: boolean;
}

/** The command line is wrong. The message says how to mend it. */
export class UsageError extends Error {
  override name = 'UsageError';
}

export const USAGE = `Usage: npm start [-- --api <n>] [--worker <n>] [--verbose]

  --api <n>      API processes: the first on FREEHOLD_API_PORT, each further one 10 ports up (default 1)
  --worker <n>   worker processes, in the same way from FREEHOLD_WORKER_PORT (default 1)
  --verbose      show every log line; otherwise warnings, and all of them in <data dir>/logs
  --help         this text

Settings are environment variables: docs/settings.md.`;

const MOST_PROCESSES = 16;

/** @returns null when the help was asked for. @throws UsageError */
export function readStackOptions(args: string[]): StackOptions | null {
  const { values } = parse(args);
  if (values.help) return null;
  return {
    apiCount: count('--api', values.api),
    workerCount: count('--worker', values.worker),
    verbose: values.verbose,
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        api: { type: 'string', default: '1' },
        worker: { type: 'string', default: '1' },
        verbose: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${USAGE}`);
  }
}

function count(option: string, text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > MOST_PROCESSES) {
    throw new UsageError(
      `${option} must be a whole number from 1 to ${MOST_PROCESSES}, but is ${JSON.stringify(text)}`,
    );
  }
  return value;
}
