import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Path to kind, mode and content hash, for everything below a folder. */
export type Picture = Record<string, string>;

export function folderPicture(folder: string): Picture {
  const found: Picture = {};
  const walk = (within: string) => {
    for (const name of readdirSync(within)) {
      const path = join(within, name);
      const stats = lstatSync(path);
      const mode = stats.mode.toString(8);
      if (stats.isDirectory()) {
        found[relative(folder, path)] = `folder ${mode}`;
        walk(path);
      } else {
        found[relative(folder, path)] = `file ${mode} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
      }
    }
  };
  walk(folder);
  return found;
}

/** The first path that is not the same in both, in words; null when all are. */
export function pictureDifference(wanted: Picture, found: Picture): string | null {
  const paths = [...new Set([...Object.keys(wanted), ...Object.keys(found)])].sort();
  const path = paths.find((one) => wanted[one] !== found[one]);
  return path === undefined ? null : `${path} is ${found[path] ?? 'missing'} and was ${wanted[path] ?? 'not there'}`;
}
