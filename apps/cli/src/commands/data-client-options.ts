import type { Command } from 'commander';

/** Options of every command that moves data; what they mean is in data-client.ts, which loads more than the start should. */
export function addDataClientOptions(command: Command): Command {
  return command
    .option('--identity <file>', 'a file of age identities that open the dataset; may be repeated', collect)
    .option('--state <folder>', 'where this machine keeps its keys and how far it has come (~/.freehold-client)')
    .option('--signing-key <file>', 'the Ed25519 key (PEM) that signs versions; made on the first move');
}

/** For an option that may be repeated. */
export function collect(text: string, before: string[] = []): string[] {
  return [...before, text];
}
