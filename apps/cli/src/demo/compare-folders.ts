import { lstat, open, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';

const BLOCK_BYTES = 1 << 20;

/** Compares two folders, byte by byte. @returns the first difference, or null when there is none */
export async function firstDifference(left: string, right: string): Promise<string | null> {
  const [mine, theirs] = await Promise.all([namesIn(left), namesIn(right)]);
  if (mine.join('\0') !== theirs.join('\0')) return `${left}: other names`;
  for (const name of mine) {
    const difference = await differenceOf(join(left, name), join(right, name));
    if (difference !== null) return difference;
  }
  return null;
}

async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).sort();
}

async function differenceOf(left: string, right: string): Promise<string | null> {
  const [mine, theirs] = await Promise.all([lstat(left), lstat(right)]);
  if (mine.mode !== theirs.mode) return `${left}: another kind or mode`;
  if (mine.isDirectory()) return firstDifference(left, right);
  if (mine.isSymbolicLink())
    return (await readlink(left)) === (await readlink(right)) ? null : `${left}: another target`;
  if (mine.size !== theirs.size || !(await sameBytes(left, right))) return `${left}: other bytes`;
  return null;
}

async function sameBytes(left: string, right: string): Promise<boolean> {
  const files = await Promise.all([open(left), open(right)]);
  const blocks = files.map(() => Buffer.allocUnsafe(BLOCK_BYTES));
  try {
    for (;;) {
      const [mine, theirs] = await Promise.all(files.map((file, at) => fill(file, blocks[at]!)));
      if (mine !== theirs || !blocks[0]!.subarray(0, mine).equals(blocks[1]!.subarray(0, theirs))) return false;
      if (mine! < BLOCK_BYTES) return true;
    }
  } finally {
    await Promise.all(files.map((file) => file.close()));
  }
}

/** Reads until the block is full or the file ends. */
async function fill(file: Awaited<ReturnType<typeof open>>, block: Buffer): Promise<number> {
  let filled = 0;
  while (filled < block.length) {
    const { bytesRead } = await file.read(block, filled, block.length - filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}
