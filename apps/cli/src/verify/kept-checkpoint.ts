import { type NoteKey, parseCheckpoint, verifyNote } from '#merkle';
import { nodeCrypto } from '#proof';
import { UsageError } from '../cli-errors.js';
import type { SeenCheckpoint } from './trust-store.js';

/** A checkpoint that somebody kept, when this key signed it. @throws UsageError */
export async function verifiedCheckpoint(note: string, key: NoteKey): Promise<SeenCheckpoint> {
  try {
    const { text } = await verifyNote(note, [key], nodeCrypto.ed25519Verify);
    const { origin, size } = parseCheckpoint(text);
    if (origin === key.name) return { size, note };
  } catch {
    // Falls through to the one message for all that is no checkpoint of this log.
  }
  throw new UsageError(`the checkpoint is none that ${key.name} signed with this key`);
}
