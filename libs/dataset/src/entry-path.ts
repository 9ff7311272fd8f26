/**
 * Which names of a file tree may be written below a target folder. The tree comes out of an encrypted, signed manifest and
 * is checked all the same: whoever made it is not always whoever restores it.
 *
 * Paths are bytes, as in POSIX. A latin1 string stands for them here: one character a byte, so that a name that is not
 * UTF-8 is checked like every other.
 */
import { UnsafeEntryError } from './dataset.errors.js';

const NAME_MAX_BYTES = 255;
const PATH_MAX_BYTES = 4096;

/**
 * @param path raw bytes of a relative path with `/` between its names
 * @throws UnsafeEntryError for an empty, absolute or over-long path, an empty name, `.`, `..`, or a NUL
 */
export function assertSafePath(path: Uint8Array): void {
  const text = Buffer.from(path).toString('latin1');
  const shown = Buffer.from(path).toString('utf8');
  const refuse = (rule: string, detail: string) => new UnsafeEntryError(shown.slice(0, 200), rule, detail);
  if (text.length === 0) throw refuse('path.empty', 'an entry needs a path');
  if (text.length > PATH_MAX_BYTES) throw refuse('path.length', `longer than ${PATH_MAX_BYTES} bytes`);
  if (text.includes('\0')) throw refuse('path.nul', 'a path may not hold a NUL');
  if (text.startsWith('/')) throw refuse('path.absolute', 'an absolute path');
  for (const name of text.split('/')) {
    if (name === '') throw refuse('path.name', 'an empty name in a path');
    if (name === '.' || name === '..') throw refuse('path.traversal', `"${name}" in a path`);
    if (name.length > NAME_MAX_BYTES) throw refuse('path.name-length', `a name longer than ${NAME_MAX_BYTES} bytes`);
  }
}

/**
 * True when a symbolic link stays inside the tree, judged by its text alone: relative, and never above the root on the
 * way. (`a/../..` is outside even when it would come back in.)
 * @param path path of the link; @param target its text, both raw bytes
 */
export function linkStaysInside(path: Uint8Array, target: Uint8Array): boolean {
  const text = Buffer.from(target).toString('latin1');
  if (text === '' || text.length > PATH_MAX_BYTES || text.startsWith('/') || text.includes('\0')) return false;
  let depth = Buffer.from(path).toString('latin1').split('/').length - 1;
  for (const name of text.split('/')) {
    if (name === '' || name === '.') continue;
    depth += name === '..' ? -1 : 1;
    if (depth < 0) return false;
  }
  return true;
}
