import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { syncFolder, writeAll } from './durable-file.js';
import { StoreOfflineError } from './shard-store.errors.js';

const IDENTITY_FILE = 'freehold-node.json';

const identitySchema = z.object({ v: z.literal(1), nodeId: z.string() });

/**
 * Marks a folder as the store of one node. A folder without its mark is an unmounted disk or another node's folder: reading
 * it would make every shard look lost, writing to it would fill the wrong disk.
 */
export async function markFolder(path: string, nodeId: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o750 });
  const known = await readIdentity(path);
  if (known === null) {
    const draft = join(path, `.${IDENTITY_FILE}.${randomBytes(6).toString('hex')}`);
    const file = await open(draft, 'wx', 0o640);
    try {
      await writeAll(file, Buffer.from(`${JSON.stringify({ v: 1, nodeId })}\n`));
      await file.sync();
    } finally {
      await file.close();
    }
    try {
      await link(draft, join(path, IDENTITY_FILE));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      await unlink(draft);
    }
    await syncFolder(path);
  }
  await assertIdentity(path, nodeId);
}

/** @throws StoreOfflineError unless the folder bears the mark of this node */
export async function assertIdentity(path: string, nodeId: string): Promise<void> {
  let found: string | null;
  try {
    found = await readIdentity(path);
  } catch (cause) {
    throw new StoreOfflineError(nodeId, `${path} cannot be read`, { cause });
  }
  if (found === null) {
    throw new StoreOfflineError(nodeId, `${path} is missing or does not hold ${IDENTITY_FILE}; is its disk mounted?`);
  }
  if (found !== nodeId) throw new StoreOfflineError(nodeId, `${path} belongs to ${found}`);
}

async function readIdentity(path: string): Promise<string | null> {
  let text: string;
  try {
    text = await readFile(join(path, IDENTITY_FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  return identitySchema.parse(JSON.parse(text)).nodeId;
}
