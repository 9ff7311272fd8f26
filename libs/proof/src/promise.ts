import {
  type Ed25519Sign,
  equalBytes,
  FormatError,
  formatNote,
  fromBase64,
  HASH_BYTES,
  type NoteKey,
  parseDecimal,
  parseNote,
  signatureLine,
  toBase64,
  verifyNote,
} from '#merkle';
import type { ProofCrypto } from './proof-crypto.js';

/**
 * Promise, version 1 (docs/formats/promise-v1.md): the log's signature over the hash of an entry's body and a deadline for
 * its inclusion, given with the reply to the change. One that is not kept is portable proof against the operator.
 */
export interface EntryPromise {
  origin: string;
  entryId: string;
  /** SHA-256 of the body's bytes. */
  bodyHash: Uint8Array;
  /** Unix seconds by which a published checkpoint covers the entry. */
  deadline: number;
}

const HEADER = 'freehold promise v1';

/** The text that is signed; its first line can be no checkpoint's origin of this log. @throws FormatError */
export function promiseText({ origin, entryId, bodyHash, deadline }: EntryPromise): string {
  if (origin === HEADER) throw new FormatError('this origin would let a promise pass for a checkpoint');
  if (bodyHash.length !== HASH_BYTES) throw new FormatError('the hash of the body is 32 bytes');
  return `${HEADER}\n${origin}\n${entryId}\n${toBase64(bodyHash)}\n${deadline}\n`;
}

/** The signed note. */
export function signPromise(key: NoteKey, sign: Ed25519Sign, promise: EntryPromise): string {
  const text = promiseText(promise);
  return formatNote(text, [signatureLine(key, sign, text)]);
}

/** What a promise says; proves nothing. @throws FormatError */
export function parsePromise(note: string): EntryPromise {
  const { text } = parseNote(note);
  const lines = text.slice(0, -1).split('\n');
  const [header, origin, entryId, bodyHash, deadline] = lines;
  if (lines.length !== 5 || header !== HEADER || !origin || !/^led-[0-9a-f]{17}$/.test(entryId ?? '')) {
    throw new FormatError('the note is not a promise of version 1');
  }
  const promise = {
    origin,
    entryId: entryId!,
    bodyHash: fromBase64(bodyHash!),
    deadline: parseDecimal(deadline!, 'the deadline'),
  };
  if (promiseText(promise) !== text) throw new FormatError('the note is not a promise of version 1');
  return promise;
}

/**
 * The promise, when the log's key signed it for this log (and, if given, for this body).
 * @throws FormatError, NoteSignatureError
 */
export async function verifyPromise(
  crypto: ProofCrypto,
  note: string,
  log: NoteKey,
  body?: Uint8Array,
): Promise<EntryPromise> {
  await verifyNote(note, [log], crypto.ed25519Verify);
  const promise = parsePromise(note);
  if (promise.origin !== log.name) throw new FormatError('the promise is of another log');
  if (body && !equalBytes(crypto.sha256(body), promise.bodyHash)) {
    throw new FormatError('the promise is for another body');
  }
  return promise;
}
