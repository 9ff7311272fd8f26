import {
  addSignatureLines,
  formatAddCheckpoint,
  type NoteKey,
  parseCheckpoint,
  parseNote,
  parseVkey,
  readCosignature,
} from '#merkle';
import { nodeCrypto, type WitnessPolicy, witnessPolicy } from '#proof';
import { UsageError } from '../cli-errors.js';

/** A witness as a watcher knows it: its key and, when it may be asked, where it answers. */
export interface TrustedWitness {
  key: NoteKey;
  url: string | null;
}

const TIMEOUT_MS = 10_000;
const MAX_REPLY_CHARACTERS = 64 << 10;

/** `<vkey>` or `<vkey> <url>`. @throws UsageError */
export function trustedWitness(text: string): TrustedWitness {
  const [vkey = '', url = null] = text.trim().split(/\s+/);
  try {
    if (url !== null && !/^https?:\/\//.test(url)) throw new Error('its address is no URL');
    return { key: parseVkey(nodeCrypto.sha256, vkey), url: url?.replace(/\/+$/, '') ?? null };
  } catch (error) {
    throw new UsageError(`${JSON.stringify(text)} is no witness: ${(error as Error).message}`);
  }
}

/** All that are named must agree, unless fewer are asked for. @throws UsageError */
export function policyOf(vkeys: readonly string[], threshold = vkeys.length): WitnessPolicy {
  try {
    return witnessPolicy(nodeCrypto, vkeys, threshold);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/**
 * The checkpoint with what the witnesses say of it now. A witness cosigns again what it cosigned last, whoever asks; so a log
 * that has stopped is still shown to have been no larger at this time. Whoever does not answer, or knows more, is left out.
 */
export async function withFreshCosignatures(note: string, witnesses: readonly TrustedWitness[]): Promise<string> {
  const { text } = parseNote(note);
  const { size } = parseCheckpoint(text);
  const body = formatAddCheckpoint({ oldSize: size, proof: [], checkpoint: note });
  const lines = await Promise.all(
    witnesses.map(async ({ key, url }) => {
      if (url === null) return [];
      try {
        const reply = await fetch(`${url}/add-checkpoint`, {
          method: 'POST',
          body,
          redirect: 'error',
          signal: AbortSignal.timeout(TIMEOUT_MS),
        });
        const said = await reply.text();
        if (reply.status !== 200 || said.length > MAX_REPLY_CHARACTERS) return [];
        return [{ key, line: (await readCosignature(text, said, key, nodeCrypto.ed25519Verify)).line }];
      } catch {
        return [];
      }
    }),
  );
  const fresh = lines.flat();
  const kept = withoutLinesOf(
    note,
    fresh.map(({ key }) => key),
  );
  return addSignatureLines(
    kept,
    fresh.map(({ line }) => line),
  );
}

/** A witness counts once, with the first of its lines: an older one gives way. */
function withoutLinesOf(note: string, keys: readonly NoteKey[]): string {
  const split = note.lastIndexOf('\n\n') + 2;
  const { signatures } = parseNote(note);
  const lines = note.slice(split).split('\n').slice(0, -1);
  const others = lines.filter((_, at) => {
    const { name, keyId } = signatures[at]!;
    return !keys.some((key) => key.name === name && key.keyId === keyId);
  });
  return `${note.slice(0, split)}${others.map((line) => `${line}\n`).join('')}`;
}
