import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Account, canReach, serverAccount } from './postgres-account.js';
import { PUBLIC_FOLDER } from './postgres-binaries.js';
import { findPostmaster } from './postmaster.js';
import { readJsonIfThere, writePrivateFile } from './private-file.js';
import { endProcess } from './process-identity.js';

/** Where the parts of one embedded cluster are, and who runs it. */
export interface ClusterPlace {
  /** The folder that the caller named: ours. */
  folder: string;
  /** The folder that holds `data`: the same, or one under PUBLIC_FOLDER when the server's account cannot reach the first. */
  base: string;
  /** PostgreSQL's own data folder: the server's account's. */
  data: string;
  account: Account | null;
  passwordFile: string;
  portFile: string;
  logFile: string;
  /** Where a copy of the binaries goes, should one be needed. */
  binariesFolder: string;
}

export class ClusterPlaceError extends Error {
  override name = 'ClusterPlaceError';
}

const MOVED_TO = 'moved-to.json';
const BELONGS_TO = 'belongs-to.json';

/**
 * Finds the cluster of a folder, or chooses where it will be. Root's own folders (a checkout under /root) are closed to the
 * account that the server must run as; the data then lives under PUBLIC_FOLDER, and each of the two places names the other.
 * @throws ClusterPlaceError when the data was elsewhere and is gone
 */
export function clusterPlace(folder: string, log: (line: string) => void): ClusterPlace {
  const movedTo = (readJsonIfThere(join(folder, MOVED_TO)) as { base?: unknown } | null)?.base;
  if (typeof movedTo === 'string') {
    if (!existsSync(movedTo)) {
      throw new ClusterPlaceError(
        `the database of ${folder} was kept in ${movedTo}, which is gone: restore it, or remove ${folder} to begin anew`,
      );
    }
    return placeAt(folder, movedTo, serverAccount(join(movedTo, 'data')));
  }
  const account = serverAccount(join(folder, 'data'));
  if (existsSync(join(folder, 'data')) || canReach(account, folder)) return placeAt(folder, folder, account);
  return placeAt(folder, relocate(folder, log), account);
}

/** Removes what a moved cluster left outside its folder. */
export function forgetPlace(place: ClusterPlace): void {
  if (place.base !== place.folder) rmSync(place.base, { recursive: true, force: true });
}

function placeAt(folder: string, base: string, account: Account | null): ClusterPlace {
  return {
    folder,
    base,
    data: join(base, 'data'),
    account,
    passwordFile: join(folder, 'superuser-password'),
    portFile: join(folder, 'port'),
    logFile: join(folder, 'server.log'),
    binariesFolder: process.getuid?.() === 0 ? PUBLIC_FOLDER : join(folder, 'binaries'),
  };
}

function relocate(folder: string, log: (line: string) => void): string {
  endAbandoned(folder, log);
  const base = join(PUBLIC_FOLDER, `cluster-${randomBytes(6).toString('hex')}`);
  mkdirSync(base, { recursive: true });
  for (const open of [PUBLIC_FOLDER, base]) chmodSync(open, 0o755);
  writePrivateFile(join(base, BELONGS_TO), JSON.stringify({ folder }));
  writePrivateFile(join(folder, MOVED_TO), JSON.stringify({ base }));
  log(`${folder} is closed to the account that PostgreSQL runs as, so its data is kept in ${base}`);
  return base;
}

/**
 * Someone removed the folder, but not the cluster that belonged to it. Its server would run for ever; its data is kept,
 * because the folder may also have been moved away.
 */
function endAbandoned(folder: string, log: (line: string) => void): void {
  if (!existsSync(PUBLIC_FOLDER)) return;
  for (const name of readdirSync(PUBLIC_FOLDER).filter((entry) => entry.startsWith('cluster-'))) {
    const base = join(PUBLIC_FOLDER, name);
    const owner = (readJsonIfThere(join(base, BELONGS_TO)) as { folder?: unknown } | null)?.folder;
    if (owner !== folder) continue;
    const server = findPostmaster(join(base, 'data'));
    if (server) void endProcess(server.process, 'SIGINT', 30_000);
    log(`an earlier database of ${folder} is still in ${base}; remove that folder when it is not needed`);
  }
}
