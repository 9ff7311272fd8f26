import { createInterface } from 'node:readline/promises';

/** The world around a command: everything that it may read of its process, so that a test can hand in another. */
export interface Terminal {
  env: Record<string, string | undefined>;
  /** Data. */
  out(text: string): void;
  /** Progress, questions and errors. */
  err(text: string): void;
  outIsTty: boolean;
  errIsTty: boolean;
  /** Columns of the standard output; Infinity when it is no screen, so that nothing is cut in a file. */
  width: number;
  readStdin(): Promise<string>;
  /** Asks on the standard error; null when nobody is there to answer. */
  ask(question: string): Promise<string | null>;
}

export function processTerminal(): Terminal {
  const { stdin, stdout, stderr } = process;
  return {
    env: process.env,
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    outIsTty: stdout.isTTY === true,
    errIsTty: stderr.isTTY === true,
    width: stdout.isTTY ? stdout.columns || 80 : Number.POSITIVE_INFINITY,
    async readStdin() {
      let text = '';
      for await (const chunk of stdin.setEncoding('utf8')) text += chunk;
      return text;
    },
    async ask(question) {
      if (!stdin.isTTY || !stderr.isTTY) return null;
      const lines = createInterface({ input: stdin, output: stderr });
      try {
        return await lines.question(question);
      } finally {
        lines.close();
      }
    },
  };
}
