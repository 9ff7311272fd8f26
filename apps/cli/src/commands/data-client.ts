import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type ManifestSigner, newSigningKeyPem, signerFromPem } from '#dataset';
import { UsageError } from '../cli-errors.js';
import type { ApiClient } from '../connection/api-client.js';
import { requireCredential } from '../connection/connect.js';
import { createPrivateFile } from '../connection/private-file.js';
import { defaultStateFolder } from '../migrate/client-state.js';
import { MigrationApi } from '../migrate/migration-api.js';
import type { Patience } from '../migrate/retrying.js';
import { readText } from './tenant-keys.js';

/** What moving data takes besides the data: keys, and where this machine keeps them. Loaded only when it is needed. */
export interface DataClient {
  api: MigrationApi;
  signer: ManifestSigner;
  stateFolder: string;
  patience: Patience;
}

/** How long a move goes on when the API or the data process is away. */
const PATIENCE_MS = 5 * 60_000;

export function dataClient(api: ApiClient, options: Record<string, unknown>, signal?: AbortSignal): DataClient {
  const stateFolder = (options.state as string | undefined) ?? defaultStateFolder();
  const patience = { forMs: PATIENCE_MS, signal };
  return {
    api: new MigrationApi({ ...requireCredential(api.connection), patience, changed: api.changed }),
    signer: signerOf((options.signingKey as string | undefined) ?? join(stateFolder, 'signing-key.pem')),
    stateFolder,
    patience,
  };
}

function signerOf(path: string): ManifestSigner {
  if (!existsSync(path)) createPrivateFile(path, newSigningKeyPem());
  return signerFromPem(readText(path, 'the signing key'));
}

/** The identities of files as age-keygen writes them: one a line, with comments. @throws UsageError */
export function readIdentities(options: Record<string, unknown>): string[] {
  return linesOf(options.identity as string[] | undefined, 'an identity', /^AGE-SECRET-KEY-/);
}

/** Recipients as they stand (`age1...`), or files that hold some. @throws UsageError */
export function readRecipients(options: Record<string, unknown>): string[] {
  const given = (options.recipient as string[] | undefined) ?? [];
  return given.flatMap((one) => (one.startsWith('age1') ? [one] : linesOf([one], 'a recipient', /^age1/)));
}

function linesOf(files: string[] = [], what: string, pattern: RegExp): string[] {
  return files.flatMap((file) => {
    const lines = readText(file, what)
      .split(/\r?\n/)
      .map((line) => line.trim())
      .filter((line) => pattern.test(line));
    if (lines.length === 0) throw new UsageError(`${file} holds no line that is ${what} of age`);
    return lines;
  });
}
