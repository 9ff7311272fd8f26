import { type KeyObject, sign } from 'node:crypto';
import type { Command } from 'commander';
import { UsageError } from '../cli-errors.js';
import { type CommandContext, handled } from '../command-context.js';
import { ApiClient } from '../connection/api-client.js';
import type { RequestSigningKey } from '../connection/sign-request.js';
import {
  apiKeyIdOf,
  ed25519,
  keyOf,
  newSigningKey,
  readKeyFile,
  type SigningKeyFile,
  SigningKeyFiles,
  writeKeyFile,
} from '../connection/signing-key-files.js';
import { RemoteProblem } from '../migrate/client-errors.js';
import type { Row } from '../output/printer.js';
import { noteChange } from '../resources/resource-commands.js';
import type { Terminal } from '../terminal.js';
import { parseTenantKeys, readText } from './tenant-keys.js';

export const SIGNING_KEY_ROUTES = [
  'POST /v1/signing-keys',
  'GET /v1/signing-keys/enrolment',
  'DELETE /v1/signing-keys/{keyId}',
];

export function addSigningKey(group: Command, terminal: Terminal): void {
  const create = group
    .command('create')
    .description('make a signing key on this machine and enrol it; changes are signed with it from then on')
    .option('--name <text>', 'what it is for', 'signing key')
    .option('--root-keys <file>', 'the file of "freehold tenant create": its root key enrols the new one')
    .option(
      '--enrolled-by <file>',
      'the file of a signing key that enrols the new one (default: the one that signs now)',
    );
  handled(create, terminal, createKey);

  const enrol = group
    .command('enrol <file>')
    .description('enrol a signing key that was made and not enrolled')
    .option('--name <text>', 'what it is for', 'signing key')
    .option('--root-keys <file>', 'the file of "freehold tenant create": its root key enrols it')
    .option('--enrolled-by <file>', 'the file of a signing key that enrols it');
  handled(enrol, terminal, enrolKey);

  const use = group
    .command('use <file>')
    .description("sign with that key what is asked for with the API key of now: another of the same user's");
  handled(use, terminal, useKey);

  const revoke = group.command('revoke <key-id>').alias('delete').description('revoke a signing key at once');
  handled(revoke, terminal, revokeKey);
}

const ROOT_KEY = 'root';

/** Who signs that a new key is to be trusted. */
interface Enroller {
  id: string;
  privateKey: KeyObject;
}

interface Enrolment {
  origin: string;
  tenantId: string;
  userId: string;
  rootPublicKey: string | null;
}

async function createKey(context: CommandContext, _args: string[], options: Record<string, unknown>): Promise<void> {
  const api = context.api();
  const enrolment = await enrolmentOf(api);
  const file = newSigningKey({
    url: api.connection.url,
    tenantId: enrolment.tenantId,
    userId: enrolment.userId,
    apiKeys: ownApiKey(api),
  });
  const files = new SigningKeyFiles(context.terminal.env);
  const enroller = enrollerOf(context, options, enrolment, keyOf(file));
  // On the disk before the API is asked, so that no key is ever enrolled and lost.
  if (!context.options.dryRun) files.create(file);
  try {
    await enrolFile(context, api, enrolment, file, enroller, options.name as string);
  } catch (error) {
    const refused = error instanceof RemoteProblem && error.status < 500;
    if (refused) files.remove(file.keyId);
    throw error;
  }
  if (!context.options.dryRun && context.printer.format === 'table') {
    context.printer.note(`the key is in ${files.pathOf(file.keyId)}, readable by you only; changes are signed with it`);
  }
}

async function enrolKey(context: CommandContext, [path]: string[], options: Record<string, unknown>): Promise<void> {
  const api = context.api();
  const enrolment = await enrolmentOf(api);
  const file = readKeyFile(path!);
  if (file.url !== api.connection.url || file.userId !== enrolment.userId) {
    throw new UsageError(`${path} is a key for ${file.userId} at ${file.url}, not for ${enrolment.userId}`);
  }
  const enroller = enrollerOf(context, options, enrolment, keyOf(file));
  await enrolFile(context, api, enrolment, file, enroller, options.name as string);
}

async function useKey(context: CommandContext, [path]: string[]): Promise<void> {
  const api = context.api();
  const { userId } = await enrolmentOf(api);
  const file = readKeyFile(path!);
  if (file.url !== api.connection.url || file.userId !== userId) {
    throw new UsageError(`${path} is a key of ${file.userId} at ${file.url}; it cannot sign for ${userId}`);
  }
  const apiKeys = [...new Set([...file.apiKeys, ...ownApiKey(api)])];
  new SigningKeyFiles(context.terminal.env).replace({ ...file, apiKeys });
  await context.printer.item({ keyId: file.keyId, userId, apiKeys });
}

async function revokeKey(context: CommandContext, [keyId]: string[]): Promise<void> {
  if (!/^sgk-[0-9a-f]{17}$/.test(keyId!)) throw new UsageError(`${JSON.stringify(keyId)} is no id of a signing key`);
  await context.confirm(`revoke signing-key ${keyId}`);
  const path = `/v1/signing-keys/${keyId}`;
  const reply = await context.api().json<Row>({ method: 'DELETE', path, ...context.changeOptions() });
  if (!context.options.dryRun) new SigningKeyFiles(context.terminal.env).remove(keyId!);
  await context.printer.item(reply);
  noteChange(context, reply);
}

function enrolmentOf(api: ApiClient): Promise<Enrolment> {
  return api.json<Enrolment>({ method: 'GET', path: '/v1/signing-keys/enrolment' });
}

function ownApiKey(api: ApiClient): string[] {
  const id = apiKeyIdOf(api.connection.apiKey ?? '');
  return id === null ? [] : [id];
}

/** @throws UsageError when nobody is at hand who could sign */
function enrollerOf(
  context: CommandContext,
  options: Record<string, unknown>,
  { tenantId, rootPublicKey }: Enrolment,
  own: RequestSigningKey,
): Enroller {
  const { rootKeys, enrolledBy } = options as { rootKeys?: string; enrolledBy?: string };
  if (rootKeys !== undefined) return rootOf(rootKeys, tenantId);
  const key = enrolledBy === undefined ? context.connection().signingKey : keyOf(readKeyFile(enrolledBy));
  if (key) return { id: key.keyId, privateKey: key.privateKey };
  // The operator's chain pins no root key: its first signing key is its root.
  if (rootPublicKey === null) return { id: ROOT_KEY, privateKey: own.privateKey };
  throw new UsageError(
    'say who vouches for the new key: --root-keys <file of "freehold tenant create">, or --enrolled-by <file of a signing key>',
  );
}

function rootOf(path: string, tenantId: string): Enroller {
  const keys = parseTenantKeys(readText(path, "the tenant's keys"));
  if (!keys) throw new UsageError(`${path} is not a file of "freehold tenant create"`);
  if (keys.tenantId !== null && keys.tenantId !== tenantId) {
    throw new UsageError(`${path} holds the root key of ${keys.tenantId}, not of ${tenantId}`);
  }
  return { id: ROOT_KEY, privateKey: ed25519(keys.rootPrivateKey, path) };
}

async function enrolFile(
  context: CommandContext,
  api: ApiClient,
  enrolment: Enrolment,
  file: SigningKeyFile,
  enroller: Enroller,
  name: string,
): Promise<void> {
  const request = { path: '/v1/signing-keys', body: await enrolmentBody(enrolment, file, enroller, name) };
  // The new key signs nothing before it is enrolled, and the enrolment has signatures of its own.
  const unsigned = new ApiClient({ ...api.connection, signingKey: null }, undefined, api.changed);
  const reply = await unsigned.json<Row>({ method: 'POST', ...request, ...context.changeOptions() });
  await context.printer.item(reply);
  noteChange(context, reply);
}

/** Makes a key in a file of its own and lets the tenant's root key enrol it for the caller. @returns the key, which signs from now on */
export async function enrolFirstKey(api: ApiClient, rootKeys: string, path: string): Promise<RequestSigningKey> {
  const enrolment = await enrolmentOf(api);
  const { tenantId, userId } = enrolment;
  const file = newSigningKey({ url: api.connection.url, tenantId, userId, apiKeys: ownApiKey(api) });
  writeKeyFile(path, file);
  const body = await enrolmentBody(enrolment, file, rootOf(rootKeys, tenantId), 'signing key');
  await api.json({ method: 'POST', path: '/v1/signing-keys', body });
  return keyOf(file);
}

/** The body of an enrolment: the statement's parts with both signatures over it. */
async function enrolmentBody(
  { origin, tenantId, userId }: Pick<Enrolment, 'origin' | 'tenantId' | 'userId'>,
  file: SigningKeyFile,
  enroller: Enroller,
  name: string,
) {
  const { keyId, publicKey } = file;
  const { enrolmentStatement } = await import('#proof');
  const link = { userId, keyId, publicKey, enrolledBy: enroller.id };
  const statement = Buffer.from(enrolmentStatement({ origin, tenant: tenantId }, link));
  return {
    id: keyId,
    name,
    publicKey,
    enrolledBy: enroller.id,
    signature: sign(null, statement, enroller.privateKey).toString('base64'),
    possession: sign(null, statement, keyOf(file).privateKey).toString('base64'),
  };
}
