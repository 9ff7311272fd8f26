import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ID_PREFIXES } from '#kernel';
import { UsageError } from '../cli-errors.js';
import { createPrivateFile, replacePrivateFile } from './private-file.js';
import { Profiles } from './profiles.js';
import type { RequestSigningKey } from './sign-request.js';

/** A signing key as this machine keeps it. Its private half is nowhere else. */
export interface SigningKeyFile {
  format: 'freehold-signing-key';
  v: 1;
  keyId: string;
  /** Of the API, without a slash at its end: the key signs for no other. */
  url: string;
  tenantId: string;
  userId: string;
  /** Ids of the API keys whose requests it signs. */
  apiKeys: string[];
  /** Standard base64 of 32 bytes. */
  publicKey: string;
  /** PEM (PKCS #8). */
  privateKey: string;
}

const KEY_ID = /^sgk-[0-9a-f]{17}$/;

/** The signing keys of this user on this machine: one private file each, beside the command's configuration. */
export class SigningKeyFiles {
  readonly folder: string;

  constructor(private readonly env: Record<string, string | undefined>) {
    this.folder = join(dirname(new Profiles(env).path), 'signing-keys');
  }

  /**
   * The key that signs requests with this API key, or null. A file that FREEHOLD_SIGNING_KEY names goes before those of the
   * folder, of which the newest counts. @throws UsageError
   */
  find(url: string, apiKey: string): RequestSigningKey | null {
    if (this.env.FREEHOLD_SIGNING_KEY) return keyOf(readKeyFile(this.env.FREEHOLD_SIGNING_KEY));
    const apiKeyId = apiKeyIdOf(apiKey);
    const fitting = this.list().filter(
      (file) => file.url === url && apiKeyId !== null && file.apiKeys.includes(apiKeyId),
    );
    const newest = fitting.at(-1);
    return newest ? keyOf(newest) : null;
  }

  /** Oldest first: ids begin with their time. @throws UsageError for a file that is none */
  list(): SigningKeyFile[] {
    if (!existsSync(this.folder)) return [];
    const names = readdirSync(this.folder).filter((name) => KEY_ID.test(name.replace(/\.json$/, '')));
    return names.sort().map((name) => readKeyFile(join(this.folder, name)));
  }

  pathOf(keyId: string): string {
    return join(this.folder, `${keyId}.json`);
  }

  /** @throws ConflictError when it is there */
  create(file: SigningKeyFile): void {
    writeKeyFile(this.pathOf(file.keyId), file);
  }

  replace(file: SigningKeyFile): void {
    replacePrivateFile(this.pathOf(file.keyId), jsonOf(file));
  }

  remove(keyId: string): void {
    rmSync(this.pathOf(keyId), { force: true });
  }
}

/** A new key pair under a new id. */
export function newSigningKey(of: Pick<SigningKeyFile, 'url' | 'tenantId' | 'userId' | 'apiKeys'>): SigningKeyFile {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const seconds = Math.floor(Date.now() / 1000)
    .toString(16)
    .padStart(8, '0');
  return {
    format: 'freehold-signing-key',
    v: 1,
    keyId: `sgk-${seconds.slice(-8)}${randomBytes(5).toString('hex').slice(0, 9)}`,
    ...of,
    publicKey: publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64'),
    privateKey: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  };
}

/** The part of an API key that names it and is no secret. */
export function apiKeyIdOf(apiKey: string): string | null {
  const digits = /^fh_([0-9a-f]{17})_/.exec(apiKey)?.[1];
  return digits === undefined ? null : `${ID_PREFIXES.apiKey}-${digits}`;
}

/** @throws ConflictError when something is there */
export function writeKeyFile(path: string, file: SigningKeyFile): void {
  createPrivateFile(path, jsonOf(file));
}

/** @throws UsageError */
export function readKeyFile(path: string): SigningKeyFile {
  const file = parse(read(path));
  if (file) return file;
  throw new UsageError(`${path} is not a file that "freehold signing-key create" made`);
}

function parse(text: string): SigningKeyFile | null {
  try {
    const file = JSON.parse(text) as SigningKeyFile;
    const sound =
      file.format === 'freehold-signing-key' &&
      file.v === 1 &&
      KEY_ID.test(file.keyId) &&
      [file.url, file.tenantId, file.userId, file.publicKey, file.privateKey].every((one) => typeof one === 'string') &&
      Array.isArray(file.apiKeys);
    return sound ? file : null;
  } catch {
    return null;
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`the signing key cannot be read from ${path}: ${(error as NodeJS.ErrnoException).code}`);
  }
}

/** @throws UsageError */
export function keyOf({ keyId, privateKey }: SigningKeyFile): RequestSigningKey {
  return { keyId, privateKey: ed25519(privateKey, keyId) };
}

/** @throws UsageError when the PEM is no Ed25519 private key */
export function ed25519(pem: string, whose: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // Falls through to the one message for all that is no such key.
  }
  throw new UsageError(`the private key of ${whose} is no Ed25519 key in PEM`);
}

function jsonOf(file: SigningKeyFile): string {
  return `${JSON.stringify(file, null, 2)}\n`;
}
