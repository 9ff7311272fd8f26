import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A place between two steps at which a process may die. Tests stop it there; in use it does nothing. */
export type Step = (name: string) => void | Promise<void>;

/**
 * Replaces a file whole: the bytes are synced under another name before they take the place of the old ones, and the folder
 * is synced before this returns. A process that dies in between leaves the old file or the new one.
 */
export async function replaceDurably(path: string, content: string, step: Step, label: string): Promise<void> {
  const draft = `${path}.draft`;
  const file = await open(draft, 'w', 0o600);
  try {
    await step(`${label}: draft opened`);
    await file.writeFile(content);
    await step(`${label}: draft written`);
    await file.datasync();
  } finally {
    await file.close();
  }
  await step(`${label}: draft synced`);
  await rename(draft, path);
  await step(`${label}: renamed`);
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
  await step(`${label}: folder synced`);
}
