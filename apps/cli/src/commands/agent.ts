import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { rmSync } from 'node:fs';
import type { Command } from 'commander';
import { type CommandContext, handled } from '../command-context.js';
import type { ApiClient } from '../connection/api-client.js';
import { createPrivateFile } from '../connection/private-file.js';
import { RemoteProblem } from '../migrate/client-errors.js';
import type { Row } from '../output/printer.js';
import { noteChange } from '../resources/resource-commands.js';
import type { Terminal } from '../terminal.js';

const KEY_BYTES = 32;

export function addAgent(program: Command, terminal: Terminal): void {
  const agent = program.command('agent').description('the gateway hosts on which VPN connections end');
  const init = agent
    .command('init')
    .description('make the WireGuard key of this host, and register its public part as a gateway host')
    .requiredOption('--name <name>', 'of the host')
    .requiredOption('--endpoint <host:port>', 'where customers reach it')
    .option('--key-file <file>', 'where the private key is written, readable by you only', 'wireguard.key');
  handled(init, terminal, run);
}

async function run(context: CommandContext, _args: string[], options: Record<string, unknown>): Promise<void> {
  const host = { name: options.name as string, endpoint: options.endpoint as string };
  const reply = await initAgent(context.api(), host, options.keyFile as string, context.changeOptions());
  await context.printer.item({ ...reply, privateKeyFile: context.options.dryRun ? null : options.keyFile });
  noteChange(context, reply);
}

/** Registers a gateway host. The private key is on the disk before the API hears of it, and never leaves this machine. */
export async function initAgent(
  api: ApiClient,
  host: { name: string; endpoint: string },
  keyFile: string,
  change: { dryRun?: boolean; idempotencyKey?: string } = {},
): Promise<Row> {
  const { privateKey, publicKey } = newWireguardKey();
  if (!change.dryRun) createPrivateFile(keyFile, `${privateKey}\n`);
  try {
    const body = { ...host, wireguardPublicKey: publicKey };
    return await api.json<Row>({ method: 'POST', path: '/v1/system/gateway-hosts', body, ...change });
  } catch (error) {
    const refused = error instanceof RemoteProblem && error.status < 500;
    if (!change.dryRun && refused) rmSync(keyFile, { force: true });
    throw error;
  }
}

/** An X25519 pair in standard base64, as wg(8) has it. */
export function newWireguardKey(): { privateKey: string; publicKey: string } {
  const { privateKey } = generateKeyPairSync('x25519');
  const publicKey = createPublicKey(privateKey);
  return {
    privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-KEY_BYTES).toString('base64'),
    publicKey: publicKey.export({ format: 'der', type: 'spki' }).subarray(-KEY_BYTES).toString('base64'),
  };
}
