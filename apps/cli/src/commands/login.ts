import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { UsageError } from '../cli-errors.js';
import { type CommandContext, handled } from '../command-context.js';
import { ApiClient } from '../connection/api-client.js';
import { baseUrl } from '../connection/connect.js';
import { findLocalStack, localDataDir } from '../connection/local-stack.js';
import { DEFAULT_PROFILE, Profiles } from '../connection/profiles.js';
import { RemoteProblem } from '../migrate/client-errors.js';
import type { Terminal } from '../terminal.js';

export function addLogin(program: Command, terminal: Terminal): void {
  const login = program
    .command('login')
    .description('keep the URL of an API and the key for it, readable by you only')
    .option(
      '--key <key>',
      'the API key; "-" reads it from the standard input. Others can see command lines: prefer "-"',
    )
    .option('--key-file <file>', 'a file that holds the API key');
  handled(login, terminal, logIn);

  const profiles = program.command('profile').aliases(['profiles']).description('the APIs that "freehold login" keeps');
  handled(
    profiles.command('list').alias('ls').description('list them, without their keys'),
    terminal,
    async (context) => context.printer.list(new Profiles(terminal.env).list(), ['name', 'url', 'current']),
  );
  const remove = profiles.command('remove <name>').alias('delete').description('forget one and its key');
  handled(remove, terminal, async (_context, [name]) => new Profiles(terminal.env).remove(name!));
}

async function logIn(context: CommandContext, _args: string[], options: Record<string, unknown>): Promise<void> {
  const { terminal, printer } = context;
  const given = context.options.url || terminal.env.FREEHOLD_URL || findLocalStack(localDataDir(terminal.env))?.apiUrl;
  if (given === undefined) throw new UsageError('say --url: no API runs on this machine');
  const url = baseUrl(given);
  const apiKey = await readKey(terminal, options);
  if (!/^fh_\S{20,}$/.test(apiKey)) throw new UsageError('an API key begins with fh_; give the whole of it');
  const tenant = await whose(new ApiClient({ url, apiKey }));
  const name = context.options.profile ?? DEFAULT_PROFILE;
  const profiles = new Profiles(terminal.env);
  profiles.save(name, { url, apiKey });
  await printer.item({ profile: name, url, ...tenant, file: profiles.path });
}

async function readKey(terminal: Terminal, { key, keyFile }: Record<string, unknown>): Promise<string> {
  if (typeof keyFile === 'string') return readFileSync(keyFile, 'utf8').trim();
  if (key === '-') return (await terminal.readStdin()).trim();
  if (typeof key === 'string') return key.trim();
  const fromEnvironment = terminal.env.FREEHOLD_API_KEY;
  if (fromEnvironment) return fromEnvironment.trim();
  throw new UsageError('say --key <key>, --key - or --key-file <file>');
}

/** Asks with the key, so that a wrong one is not kept. A key that is good but may not read its tenant is kept all the same. */
async function whose(api: ApiClient): Promise<{ tenant?: string; tenantName?: string }> {
  try {
    const { id, name } = await api.json<{ id: string; name: string }>({ method: 'GET', path: '/v1/tenant' });
    return { tenant: id, tenantName: name };
  } catch (error) {
    if (error instanceof RemoteProblem && error.status === 403) return {};
    throw error;
  }
}
