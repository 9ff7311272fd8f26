import { equalBytes, toHex } from '#merkle';
import { LogRolledBackError } from './ledger.errors.js';

/** How far the log had come and what it looked like then. */
export interface LogHead {
  size: number;
  /** RFC 6962 root, 32 bytes. */
  root: Uint8Array;
}

/** A head that was known outside the database, with where it comes from. */
export interface KnownHead extends LogHead {
  source: string;
}

/** The newest tree head that is final on the chain. The database cannot take it back, so a restored copy shows against it. */
export abstract class AnchoredHeadSource {
  /** Null when nothing is anchored yet, or the chain cannot be asked now. */
  abstract anchoredHead(): Promise<LogHead | null>;
}

/**
 * Holds the stored log against a head known from elsewhere: the log must have come at least as far and must begin with
 * exactly that tree. `rootAt` gives the root of the stored tree's first `size` leaves.
 * @throws LogRolledBackError, upon which nothing may be signed
 */
export async function requireContinuation(
  known: KnownHead,
  stored: LogHead,
  rootAt: (size: number) => Promise<Uint8Array>,
): Promise<void> {
  if (known.size > stored.size) {
    throw new LogRolledBackError(
      `${known.source} has ${known.size} entries, but the database has ${stored.size}: it was restored from an older copy`,
    );
  }
  const root = known.size === stored.size ? stored.root : await rootAt(known.size);
  if (!equalBytes(root, known.root)) {
    throw new LogRolledBackError(
      `${known.source} has the root ${toHex(known.root)} at ${known.size} entries, but the database gives ${toHex(root)}: ` +
        'entries were changed, or it is another log',
    );
  }
}
