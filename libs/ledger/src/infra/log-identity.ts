import type { Database } from '#database';
import type { Ed25519Key, ServiceKeys } from '#keyring';
import { formatNote, formatVkey, type NoteKey, noteKey, signatureLine } from '#merkle';
import { type EntryPromise, nodeCrypto, signPromise } from '#proof';

const LOG_KEY = 'ledger-log';

/** Who the log is: its origin, and the key that signs its checkpoints and promises under the origin as its name. */
export class LogIdentity {
  private constructor(
    readonly key: NoteKey,
    private readonly secret: Ed25519Key,
  ) {}

  /** @throws ServiceKeyMissingError in an api process that starts before any worker ever did */
  static async load(database: Database, keys: ServiceKeys): Promise<LogIdentity> {
    const [row] = await database.query<{ origin: string }>('SELECT origin FROM ledger_log');
    if (!row) throw new Error('the table ledger_log is empty: the migrations did not run to their end');
    const secret = await keys.getOrCreate(LOG_KEY, 'ed25519');
    return new LogIdentity(noteKey(nodeCrypto.sha256, row.origin, secret.publicKey), secret);
  }

  get origin(): string {
    return this.key.name;
  }

  /** What verifiers pin: `origin+key id+public key`. */
  get vkey(): string {
    return formatVkey(this.key);
  }

  signPromise(promise: Omit<EntryPromise, 'origin'>): string {
    return signPromise(this.key, (message) => this.secret.sign(message), { origin: this.origin, ...promise });
  }

  /** The signed note of a text that ends in a newline. */
  signNote(text: string): string {
    return formatNote(text, [signatureLine(this.key, (message) => this.secret.sign(message), text)]);
  }
}
