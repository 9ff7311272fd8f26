import { readFileSync } from 'node:fs';
import type { NoteKey } from '#merkle';
import type { LogTrust, WitnessPolicy } from '#proof';
import { UsageError } from '../cli-errors.js';
import { readText } from '../commands/tenant-keys.js';
import type { TrustedLog, TrustStore } from './trust-store.js';

/** What of the command line is about the log, in commander's names. */
export interface LogOptions {
  vkey?: string;
  witness?: string[];
  witnesses?: string;
  block?: string;
  validators?: string;
  contract?: string;
  checkpoint?: string[];
  requirePinned?: boolean;
  requireAnchor?: boolean;
}

/** What is known of a log: from the command line, or else from the trust store. */
export interface KnownLog {
  trust: LogTrust;
  /** The store's entry, when the pin is its own. */
  pinnedLog: TrustedLog | null;
}

/**
 * What a document of this log is held against. An option goes before the trust store; a log that is in neither is not pinned,
 * and never becomes so by being seen.
 * @throws UsageError
 */
export async function knownLog(options: LogOptions, store: TrustStore, origin: string | null): Promise<KnownLog> {
  const { nodeCrypto: crypto, parseValidatorSet } = await import('#proof');
  const stored = origin === null ? null : store.find(origin);
  const given = options.vkey === undefined ? undefined : pinOf(options.vkey);
  const pinnedLog = stored && (given === undefined || given === stored.vkey) ? stored : null;
  const { validators } = options;
  return {
    pinnedLog,
    trust: {
      crypto,
      log: given ?? stored?.vkey,
      requirePinned: options.requirePinned,
      requireAnchor: options.requireAnchor,
      knownCheckpoints: (options.checkpoint ?? []).map((file) => readText(file, 'a checkpoint')),
      lastSeen: pinnedLog?.seen.map(({ note }) => note) ?? [],
      witnesses: await policyOf(options, pinnedLog),
      anchorBlock: blockOf(options.block),
      anchorContract: contractOf(options.contract),
      validators:
        validators === undefined ? undefined : parsed(() => parseValidatorSet(readBytes(validators)), validators),
    },
  };
}

/** A verifier key as it stands, or a file that holds one. A key has a `+`, which few files have in their names. */
export function pinOf(given: string): string {
  if (/^\S+\+[0-9a-f]{8}\+\S+$/.test(given)) return given;
  return readText(given, 'a verifier key').trim();
}

/** Every witness that is named must have signed, unless it is said how many suffice. @throws UsageError */
export async function policyOf(
  { witness = [], witnesses }: Pick<LogOptions, 'witness' | 'witnesses'>,
  stored: Pick<TrustedLog, 'witnesses' | 'threshold'> | null,
): Promise<WitnessPolicy | undefined> {
  const vkeys = witness.length > 0 ? witness.map(pinOf) : (stored?.witnesses ?? []);
  if (vkeys.length === 0 && witnesses !== undefined) throw new UsageError('--witnesses needs --witness <vkey...>');
  if (vkeys.length === 0) return undefined;
  const { nodeCrypto, witnessPolicy } = await import('#proof');
  const threshold = witnesses !== undefined ? Number(witnesses) : witness.length > 0 ? vkeys.length : stored!.threshold;
  return parsed(() => witnessPolicy(nodeCrypto, vkeys, threshold), '--witness');
}

/** A log's key. @throws UsageError */
export async function logKeyOf(given: string): Promise<NoteKey> {
  const { ED25519, parseVkey } = await import('#merkle');
  const { nodeCrypto } = await import('#proof');
  const key = parsed(() => parseVkey(nodeCrypto.sha256, pinOf(given)), 'the verifier key');
  if (key.type !== ED25519) throw new UsageError(`${key.name} is the key of a witness, not of a log`);
  return key;
}

function blockOf(block: string | undefined): string | undefined {
  if (block === undefined || /^0x[0-9a-fA-F]{64}$/.test(block)) return block?.toLowerCase();
  throw new UsageError('--block is the hash of a block: 0x and 64 hexadecimal digits');
}

function contractOf(contract: string | undefined): string | undefined {
  if (contract === undefined || /^0x[0-9a-fA-F]{40}$/.test(contract)) return contract?.toLowerCase();
  throw new UsageError('--contract is the address of a contract: 0x and 40 hexadecimal digits');
}

function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
}

function parsed<T>(work: () => T, what: string): T {
  try {
    return work();
  } catch (error) {
    throw new UsageError(`${what}: ${error instanceof Error ? error.message : 'it cannot be read'}`);
  }
}
