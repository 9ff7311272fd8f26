import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { UsageError } from '../cli-errors.js';

/** The keys that a tenant has of itself. They are made on the tenant's machine; the operator gets what it needs of them. */
export interface TenantKeys {
  format: 'freehold-tenant-keys';
  v: 1;
  /** Null until the tenant is created. */
  tenantId: string | null;
  name: string;
  /** Standard base64 of the 32 bytes of the Ed25519 root key. */
  rootPublicKey: string;
  /** PEM (PKCS #8). Never leaves this file. */
  rootPrivateKey: string;
  /** Standard base64 of 32 bytes: whoever has it recognises the tenant's entries in the open log. */
  viewKey: string;
}

const KEY_BYTES = 32;

export function newTenantKeys(name: string): TenantKeys {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return {
    format: 'freehold-tenant-keys',
    v: 1,
    tenantId: null,
    name,
    rootPublicKey: publicKey.export({ format: 'der', type: 'spki' }).subarray(-KEY_BYTES).toString('base64'),
    rootPrivateKey: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    viewKey: randomBytes(KEY_BYTES).toString('base64'),
  };
}

/** A file of `freehold tenant create`, or null when the text is something else. */
export function parseTenantKeys(text: string): TenantKeys | null {
  try {
    const keys = JSON.parse(text) as TenantKeys;
    return keys?.format === 'freehold-tenant-keys' && keys.v === 1 && isKey(keys.viewKey) ? keys : null;
  } catch {
    return null;
  }
}

/** What an auditor holds a tenant's chain against. */
export interface AuditKeys {
  viewKey: Uint8Array;
  /** Standard base64, or absent when the file holds the view key alone. */
  rootPublicKey?: string;
}

/** Reads a view key: a file of `freehold tenant create`, or one with its base64 alone. @throws UsageError */
export function readViewKey(path: string): AuditKeys {
  const text = readText(path, 'the view key');
  const keys = parseTenantKeys(text);
  if (keys) return { viewKey: Buffer.from(keys.viewKey, 'base64'), rootPublicKey: keys.rootPublicKey };
  if (isKey(text.trim())) return { viewKey: Buffer.from(text.trim(), 'base64') };
  throw new UsageError(
    `${path} holds no view key: 32 bytes in base64, or the file that "freehold tenant create" wrote`,
  );
}

/** Reads a root public key: base64, a PEM public key, or a file of `freehold tenant create`. @throws UsageError */
export function readRootKey(path: string): string {
  const text = readText(path, 'the root key').trim();
  const keys = parseTenantKeys(text);
  if (keys) return keys.rootPublicKey;
  if (isKey(text)) return text;
  try {
    const key = createPublicKey(text);
    if (key.asymmetricKeyType === 'ed25519') {
      return key.export({ format: 'der', type: 'spki' }).subarray(-KEY_BYTES).toString('base64');
    }
  } catch {
    // Falls through to the one message for all that is no key.
  }
  throw new UsageError(`${path} holds no Ed25519 public key: 32 bytes in base64, or PEM`);
}

function isKey(text: unknown): boolean {
  return typeof text === 'string' && /^[A-Za-z0-9+/]{43}=$/.test(text);
}

export function readText(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`${what} cannot be read from ${path}: ${(error as NodeJS.ErrnoException).code}`);
  }
}
