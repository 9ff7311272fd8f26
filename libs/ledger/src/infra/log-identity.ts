import { Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Database } from '#database';
import type { Ed25519Key, ServiceKeys } from '#keyring';
import { formatCheckpoint, formatNote, formatVkey, type NoteKey, noteKey, signatureLine } from '#merkle';
import { type EntryPromise, nodeCrypto, signPromise } from '#proof';
import { LogCorruptError } from '../domain/ledger.errors.js';
import type { LogHead } from '../domain/rollback-guard.js';
import { LogKeyRepository } from './log-key.repository.js';

/** The service key of the log; each rotation is a further version of it. */
export const LOG_KEY = 'ledger-log';

/** How often a process looks for a key that another one has made. */
const REFRESH_MS = 1_000;

interface HeldKey {
  key: NoteKey;
  secret: Ed25519Key;
  /** It signs checkpoints of this many entries and more, up to where the next one begins. */
  from: number;
}

/**
 * Who the log is: its origin, and the keys that sign its checkpoints and promises under the origin as their name (ADR 7).
 * Learns of a new key while the process runs; one is in force when its entry is in the log.
 */
export class LogIdentity implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(LogIdentity.name);
  private timer: NodeJS.Timeout | null = null;

  private constructor(
    readonly origin: string,
    private readonly serviceKeys: ServiceKeys,
    private readonly repository: LogKeyRepository,
    private held: readonly HeldKey[],
  ) {}

  /** @throws ServiceKeyMissingError in an api process that starts before any worker ever did */
  static async load(database: Database, keys: ServiceKeys, repository: LogKeyRepository): Promise<LogIdentity> {
    const [row] = await database.query<{ origin: string }>('SELECT origin FROM ledger_log');
    if (!row) throw new Error('the table ledger_log is empty: the migrations did not run to their end');
    await keys.getOrCreate(LOG_KEY, 'ed25519');
    const secret = await keys.version(LOG_KEY, 'ed25519', 1);
    const first = { key: noteKey(nodeCrypto.sha256, row.origin, secret.publicKey), secret, from: 0 };
    const identity = new LogIdentity(row.origin, keys, repository, [first]);
    await identity.refresh();
    return identity;
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      this.refresh().catch((error: unknown) => {
        this.logger.warn(`the log's keys cannot be read: ${error instanceof Error ? error.message : 'unknown'}`);
      });
    }, REFRESH_MS);
    this.timer.unref();
  }

  onApplicationShutdown(): void {
    if (this.timer) clearInterval(this.timer);
  }

  /** What verifiers pin, the log's first key: `origin+key id+public key`. Links lead from it to every later one. */
  get vkey(): string {
    return formatVkey(this.held[0]!.key);
  }

  /** Every key that is or was in force, the first one first: any of them may have signed a promise. */
  get keys(): readonly NoteKey[] {
    return this.held.map((one) => one.key);
  }

  /** The key that signs the checkpoint of `size` entries, and none of another size range does. */
  keyFor(size: number): NoteKey {
    return this.heldFor(size).key;
  }

  /** Takes in keys whose entry has got into the log since. @throws LogCorruptError, SealBrokenError */
  async refresh(): Promise<void> {
    const settled = (await this.repository.rotations()).filter((rotation) => rotation.place);
    for (const { version, vkey, place } of settled.slice(this.held.length - 1)) {
      const secret = await this.serviceKeys.version(LOG_KEY, 'ed25519', version);
      const key = noteKey(nodeCrypto.sha256, this.origin, secret.publicKey);
      if (formatVkey(key) !== vkey)
        throw new LogCorruptError(`the log's key ${version} is not the one that was endorsed`);
      // Another refresh may have been quicker.
      if (this.held.some((one) => one.secret.version === version)) continue;
      this.held = [...this.held, { key, secret, from: place!.index + 1 }];
    }
  }

  /** Under the newest key. */
  signPromise(promise: Omit<EntryPromise, 'origin'>): string {
    const { key, secret } = this.held.at(-1)!;
    return signPromise(key, (message) => secret.sign(message), { origin: this.origin, ...promise });
  }

  /** The signed checkpoint of a head. The keys must have been refreshed since the head's last entry came in. */
  signCheckpoint(head: LogHead): string {
    const { key, secret } = this.heldFor(head.size);
    const text = formatCheckpoint({ origin: this.origin, ...head, extensions: [] });
    return formatNote(text, [signatureLine(key, (message) => secret.sign(message), text)]);
  }

  /** The newest key, for signing its successor in. */
  newest(): { key: NoteKey; secret: Ed25519Key } {
    return this.held.at(-1)!;
  }

  private heldFor(size: number): HeldKey {
    return this.held.findLast(({ from }) => from <= size)!;
  }
}
