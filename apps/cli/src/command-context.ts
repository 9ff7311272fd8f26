import { dirname, join } from 'node:path';
import { type Command, Option } from 'commander';
import { UsageError } from './cli-errors.js';
import { ApiClient } from './connection/api-client.js';
import { type Connection, findConnection, requireCredential } from './connection/connect.js';
import { Profiles } from './connection/profiles.js';
import { apiKeyIdOf } from './connection/signing-key-files.js';
import { paintFor } from './output/paint.js';
import { FORMATS, type Format, Printer } from './output/printer.js';
import type { Terminal } from './terminal.js';
import { PromiseStore } from './watch/promise-store.js';

/** Options of the program: they may stand before a command or behind it. */
export interface GlobalOptions {
  output: Format;
  color: boolean;
  yes: boolean;
  dryRun: boolean;
  anchor?: 'immediate';
  idempotencyKey?: string;
  ifMatch?: string;
  profile?: string;
  url?: string;
  unsigned: boolean;
}

export function addGlobalOptions(command: Command): Command {
  return command
    .addOption(new Option('-o, --output <format>', 'how replies are written').choices(FORMATS).default('table'))
    .option('--no-color', 'no colours (also: NO_COLOR)')
    .option('-y, --yes', 'do what is dangerous without asking', false)
    .option('--dry-run', 'validate, authorise and plan, but change nothing', false)
    .addOption(new Option('--anchor <when>', 'have a chain hold the change without waiting').choices(['immediate']))
    .option('--idempotency-key <key>', 'make a change at most once under this key (drawn when absent)')
    .option('--if-match <version>', 'change only what still has this version')
    .option('--profile <name>', 'of the configuration file (also: FREEHOLD_PROFILE)')
    .option('--url <url>', 'of the API (also: FREEHOLD_URL)')
    .option('--unsigned', 'do not sign changes, even when a signing key is at hand', false);
}

/** What a command has at hand. */
export class CommandContext {
  readonly printer: Printer;

  constructor(
    readonly terminal: Terminal,
    readonly options: GlobalOptions,
  ) {
    const { output, color } = options;
    const paint = paintFor(terminal.env, terminal.outIsTty, color);
    this.printer = new Printer(terminal, output, paint, paintFor(terminal.env, terminal.errIsTty, color));
  }

  static of(command: Command, terminal: Terminal): CommandContext {
    return new CommandContext(terminal, command.optsWithGlobals<GlobalOptions>());
  }

  connection(): Connection {
    return findConnection(this.options, this.terminal.env);
  }

  /** A client with a credential. @throws CredentialMissingError */
  api(): ApiClient {
    const connection = requireCredential(this.connection());
    return new ApiClient(connection, undefined, (reply) => this.keepPromise(reply, connection));
  }

  /** "freehold watch" follows it. The change has happened: a promise that cannot be kept is no failure of it. */
  private keepPromise(reply: unknown, { url, apiKey }: Connection): void {
    try {
      new PromiseStore(join(dirname(new Profiles(this.terminal.env).path), 'promises')).keep(reply, {
        url,
        apiKeyId: apiKeyIdOf(apiKey ?? ''),
      });
    } catch (error) {
      this.printer.note(`the promise was not kept for "freehold watch": ${(error as Error).message}`);
    }
  }

  /** A client for what everybody may ask. */
  openApi(): ApiClient {
    return new ApiClient(this.connection());
  }

  /** What goes along with every change. */
  changeOptions() {
    const { dryRun, anchor, idempotencyKey, ifMatch } = this.options;
    const quoted = ifMatch === undefined || ifMatch.startsWith('"') || ifMatch === '*' ? ifMatch : `"${ifMatch}"`;
    return { dryRun, anchor, idempotencyKey, ifMatch: quoted };
  }

  /** @throws UsageError unless somebody says yes, or has said so with `--yes` */
  async confirm(what: string): Promise<void> {
    if (this.options.yes || this.options.dryRun) return;
    const answer = await this.terminal.ask(`${what}? [y/N] `);
    if (answer === null) throw new UsageError(`${what}: nobody is there to ask; say --yes`);
    if (!/^y(es)?$/i.test(answer.trim())) throw new UsageError('nothing was changed');
  }
}

/** What a command's handler is given by commander: its arguments, then its options, then itself. */
type Handler = (context: CommandContext, args: string[], options: Record<string, unknown>) => Promise<void>;

/** Gives a command its work. */
export function handled(command: Command, terminal: Terminal, handler: Handler): Command {
  return command.action(async (...all: unknown[]) => {
    const self = all.at(-1) as Command;
    await handler(CommandContext.of(self, terminal), self.args, self.opts());
  });
}
