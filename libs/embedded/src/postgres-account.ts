import { execFileSync } from 'node:child_process';
import { chownSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** The user and group that PostgreSQL runs as when we are root, which it refuses. */
export interface Account {
  uid: number;
  gid: number;
}

export class AccountError extends Error {
  override name = 'AccountError';
}

/**
 * Who the server runs as: null is ourselves. Data that exists stays its owner's, so that root can run what an ordinary user
 * began; fresh data is the account `postgres`'s when we are root.
 */
export function serverAccount(dataFolder: string, accountName = 'postgres'): Account | null {
  const us = process.getuid?.();
  if (us === undefined) return null;
  const owner = statSync(dataFolder, { throwIfNoEntry: false });
  if (us !== 0) {
    if (owner && owner.uid !== us) {
      throw new AccountError(
        `${dataFolder} belongs to another user (uid ${owner.uid}), who ran Freehold here before: run as that user or as root, or set FREEHOLD_DATA_DIR to a folder of your own`,
      );
    }
    return null;
  }
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  return accountOf(accountName) ?? createAccount(accountName);
}

function accountOf(name: string): Account | null {
  try {
    const number = (flag: string) =>
      Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
    return { uid: number('-u'), gid: number('-g') };
  } catch {
    return null;
  }
}

function createAccount(name: string): Account {
  try {
    execFileSync(
      'useradd',
      [
        '--system',
        '--user-group',
        '--no-create-home',
        '--home-dir',
        '/nonexistent',
        '--shell',
        '/usr/sbin/nologin',
        name,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
  } catch (error) {
    throw new AccountError(
      `PostgreSQL refuses to run as root, and the user "${name}" for it cannot be created: create it (useradd --system ${name}), or start Freehold as an ordinary user`,
      { cause: error },
    );
  }
  const account = accountOf(name);
  if (!account) throw new AccountError(`the user "${name}" was created, but the system does not know it`);
  return account;
}

/** True when the account may pass through the folder and everything above it. */
export function canReach(account: Account | null, folder: string): boolean {
  if (account === null) return true;
  for (let current = folder; ; current = dirname(current)) {
    if (!mayEnter(account, statSync(current))) return false;
    if (current === dirname(current)) return true;
  }
}

function mayEnter({ uid, gid }: Account, folder: Stats): boolean {
  if (folder.uid === uid) return (folder.mode & 0o100) !== 0;
  if (folder.gid === gid) return (folder.mode & 0o010) !== 0;
  return (folder.mode & 0o001) !== 0;
}

/** Hands a file or folder to the account, when it is not ourselves. */
export function giveTo(account: Account | null, path: string): void {
  if (account) chownSync(path, account.uid, account.gid);
}
