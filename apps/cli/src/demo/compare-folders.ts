import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';

const BLOCK_BYTES = 1 << 20;
const mine = Buffer.allocUnsafe(BLOCK_BYTES);
const theirs = Buffer.allocUnsafe(BLOCK_BYTES);

/**
 * Compares two folders, byte by byte: names, kinds, modes, contents, targets of links. Reads synchronously, which is many
 * times as fast for many small files, and lets others run between two folders.
 * @returns the first difference, or null when there is none
 */
export async function firstDifference(left: string, right: string): Promise<string | null> {
  await breathe();
  const names = namesIn(left);
  if (names.join('\0') !== namesIn(right).join('\0')) return `${left}: other names`;
  for (const name of names) {
    const difference = await differenceOf(join(left, name), join(right, name));
    if (difference !== null) return difference;
  }
  return null;
}

function namesIn(folder: string): string[] {
  return readdirSync(folder).sort();
}

async function differenceOf(left: string, right: string): Promise<string | null> {
  const [one, other] = [lstatSync(left), lstatSync(right)];
  if (one.mode !== other.mode) return `${left}: another kind or mode`;
  if (one.isDirectory()) return firstDifference(left, right);
  if (one.isSymbolicLink()) return readlinkSync(left) === readlinkSync(right) ? null : `${left}: another target`;
  return one.size === other.size && sameBytes(left, right) ? null : `${left}: other bytes`;
}

function sameBytes(left: string, right: string): boolean {
  const [one, other] = [openSync(left, 'r'), openSync(right, 'r')];
  try {
    for (;;) {
      const [filled, otherFilled] = [fill(one, mine), fill(other, theirs)];
      if (filled !== otherFilled || mine.compare(theirs, 0, filled, 0, filled) !== 0) return false;
      if (filled < BLOCK_BYTES) return true;
    }
  } finally {
    closeSync(one);
    closeSync(other);
  }
}

/** Reads until the block is full or the file ends. */
function fill(file: number, block: Buffer): number {
  let filled = 0;
  while (filled < block.length) {
    const read = readSync(file, block, filled, block.length - filled, null);
    if (read === 0) break;
    filled += read;
  }
  return filled;
}
