import { CredentialMissingError, UsageError } from '../cli-errors.js';
import { findLocalStack, localDataDir } from './local-stack.js';
import { Profiles } from './profiles.js';
import type { RequestSigningKey } from './sign-request.js';
import { SigningKeyFiles } from './signing-key-files.js';

export interface ConnectionOptions {
  url?: string;
  profile?: string;
  /** Signs no request, even when a key is at hand. */
  unsigned?: boolean;
}

export interface Connection {
  /** Without a slash at its end. */
  url: string;
  /** Null when none is at hand: enough for what the API tells everybody. */
  apiKey: string | null;
  /** Signs every change; absent or null when none is at hand. */
  signingKey?: RequestSigningKey | null;
}

/**
 * Which API to ask, and with which key. A profile that was named on the command line goes before the environment, the
 * environment before the current profile, and that before the stack on this machine. A profile's key is sent to no other
 * place than the one it was kept for.
 * @throws UsageError
 */
export function findConnection(options: ConnectionOptions, env: Record<string, string | undefined>): Connection {
  const profile = new Profiles(env).find(options.profile ?? (env.FREEHOLD_PROFILE || undefined));
  const given = options.profile === undefined ? { url: env.FREEHOLD_URL, apiKey: env.FREEHOLD_API_KEY } : {};
  const localUrl = () => findLocalStack(localDataDir(env))?.apiUrl;
  // A key from the environment was not kept for the profile's API: the stack on this machine is the better guess.
  const guess = given.apiKey ? (localUrl() ?? profile?.url) : (profile?.url ?? localUrl());
  const url = options.url || given.url || guess;
  if (url === undefined) {
    throw new UsageError(
      'no API is known: start one on this machine with "npm start", set FREEHOLD_URL, or keep one with "freehold login"',
    );
  }
  const base = baseUrl(url);
  const kept = profile && baseUrl(profile.url) === base ? profile.apiKey : null;
  const apiKey = given.apiKey || kept;
  const signingKey = apiKey && !options.unsigned ? new SigningKeyFiles(env).find(base, apiKey) : null;
  return { url: base, apiKey, ...(signingKey ? { signingKey } : {}) };
}

/** As above, for what needs a key. @throws CredentialMissingError */
export function requireCredential(connection: Connection): Connection & { apiKey: string } {
  const { url, apiKey } = connection;
  if (apiKey === null) throw new CredentialMissingError(url);
  return { ...connection, apiKey };
}

/** @throws UsageError */
export function baseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !['http:', 'https:'].includes(url.protocol)) {
    throw new UsageError(`${JSON.stringify(text)} is not the URL of an API: it begins with http:// or https://`);
  }
  if (url.username || url.password || url.search || url.hash) {
    throw new UsageError('the URL of an API has no user, query or fragment; the API key goes into FREEHOLD_API_KEY');
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}
