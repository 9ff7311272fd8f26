import { runCommandLine } from '../run-command-line.js';
import type { Terminal } from '../terminal.js';

/** What a command line came to. */
export interface Outcome {
  code: number;
  out: string;
  err: string;
}

export interface Surroundings {
  env?: Record<string, string | undefined>;
  stdin?: string;
  /** What somebody answers; nobody is there when absent. */
  answer?: string;
  tty?: boolean;
  width?: number;
}

/** Runs a command line in this process, with its whole world handed in. */
export async function freehold(args: string[], around: Surroundings = {}): Promise<Outcome> {
  const outcome = { out: '', err: '' };
  const terminal: Terminal = {
    env: around.env ?? {},
    out: (text) => {
      outcome.out += text;
    },
    err: (text) => {
      outcome.err += text;
    },
    outIsTty: around.tty ?? false,
    errIsTty: around.tty ?? false,
    width: around.width ?? Number.POSITIVE_INFINITY,
    readStdin: async () => around.stdin ?? '',
    ask: async (question) => {
      outcome.err += question;
      return around.answer ?? null;
    },
  };
  const code = await runCommandLine(args, terminal);
  return { code, ...outcome };
}
