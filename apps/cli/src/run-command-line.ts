import { CommanderError } from 'commander';
import { VerificationFailedError } from './cli-errors.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { paintFor } from './output/paint.js';
import { exitCodeOf, problemDocument, renderProblem } from './output/problem.js';
import { buildProgram } from './program.js';
import type { Terminal } from './terminal.js';

/** Runs one command line. Never throws: what goes wrong is written to the standard error. @returns the exit code */
export async function runCommandLine(args: string[], terminal: Terminal): Promise<ExitCode> {
  try {
    await buildProgram(terminal).parseAsync(args, { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (!(error instanceof VerificationFailedError)) report(error, args, terminal);
    return exitCodeOf(error);
  }
}

function report(error: unknown, args: string[], terminal: Terminal): void {
  if (wantsJson(args)) {
    terminal.err(`${JSON.stringify(problemDocument(error), null, 2)}\n`);
    return;
  }
  const paint = paintFor(terminal.env, terminal.errIsTty, !args.includes('--no-color'));
  terminal.err(renderProblem(error, paint));
}

/** The options may not have been read when something goes wrong. */
function wantsJson(args: string[]): boolean {
  return args.some(
    (arg, at) => /^(-o|--output)=?json$/.test(arg) || (/^(-o|--output)$/.test(arg) && args[at + 1] === 'json'),
  );
}
