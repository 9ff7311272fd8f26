import type { Command } from 'commander';
import { handled } from '../command-context.js';
import type { Terminal } from '../terminal.js';

export function addDemo(program: Command, terminal: Terminal): void {
  const command = program
    .command('demo')
    .description("show the whole of it: two companies' networks, a move of real data, and the proof of everything")
    .option('--data <folder>', 'what is moved; the TypeScript compiler of this checkout when absent')
    .option('--once', 'end when all is shown, and stop what was started', false)
    .option('--json', 'end with one line of JSON on the standard output', false);
  handled(command, terminal, async (context, _args, options) => {
    const { runDemo } = await import('../demo/demo.js');
    await runDemo(context, {
      data: options.data as string | undefined,
      once: options.once as boolean,
      json: options.json as boolean,
    });
  });
}
