import { existsSync, rmSync } from 'node:fs';
import type { Command } from 'commander';
import { ConflictError } from '#kernel';
import { type CommandContext, handled } from '../command-context.js';
import type { ApiClient } from '../connection/api-client.js';
import { createPrivateFile, replacePrivateFile } from '../connection/private-file.js';
import { RemoteProblem } from '../migrate/client-errors.js';
import type { Row } from '../output/printer.js';
import { noteChange } from '../resources/resource-commands.js';
import type { Terminal } from '../terminal.js';
import { newTenantKeys, parseTenantKeys, readText, type TenantKeys } from './tenant-keys.js';

export const TENANT_CREATE_ROUTE = 'POST /v1/system/tenants';

export function addTenantCreate(group: Command, terminal: Terminal): void {
  const command = group
    .command('create')
    .description('create a tenant with its first owner and API key; its own keys are made here and stay here')
    .requiredOption('--name <name>', 'of the company')
    .requiredOption('--keys <file>', "where the tenant's root key and view key are written, readable by you only");
  handled(command, terminal, create);
}

async function create(context: CommandContext, _args: string[], options: Record<string, unknown>): Promise<void> {
  const reply = await createTenant(
    context.api(),
    options.name as string,
    options.keys as string,
    context.changeOptions(),
  );
  await context.printer.item(reply);
  noteChange(context, reply);
  if (!context.options.dryRun && context.printer.format === 'table') {
    context.printer.note(
      `the tenant's keys are in ${options.keys as string}: nobody else has the root key, so keep a copy`,
    );
  }
}

/**
 * Creates a tenant. Its keys are on the disk before the API is asked, so that no tenant is ever left without them; a file of
 * an earlier attempt that went wrong is used again.
 * @throws ConflictError when the file holds the keys of a tenant
 */
export async function createTenant(
  api: ApiClient,
  name: string,
  keyFile: string,
  change: { dryRun?: boolean; idempotencyKey?: string } = {},
): Promise<Row> {
  const isNew = !existsSync(keyFile);
  const keys = isNew ? newTenantKeys(name) : unusedKeys(keyFile);
  if (isNew && !change.dryRun) createPrivateFile(keyFile, jsonOf(keys));
  const body = { name, rootPublicKey: keys.rootPublicKey, viewKey: keys.viewKey };
  try {
    const reply = await api.json<Row>({ method: 'POST', path: '/v1/system/tenants', body, ...change });
    if (!change.dryRun) replacePrivateFile(keyFile, jsonOf({ ...keys, tenantId: reply.id, name }));
    return reply;
  } catch (error) {
    // A refusal: no tenant has these keys. After a lost connection one may have them.
    const refused = error instanceof RemoteProblem && error.status < 500;
    if (isNew && refused) rmSync(keyFile, { force: true });
    throw error;
  }
}

function unusedKeys(keyFile: string): TenantKeys {
  const keys = parseTenantKeys(readText(keyFile, "the tenant's keys"));
  if (keys && keys.tenantId === null) return keys;
  throw new ConflictError('FileExists', `${keyFile} exists and is not overwritten; name another file.`);
}

function jsonOf(keys: TenantKeys): string {
  return `${JSON.stringify(keys, null, 2)}\n`;
}
