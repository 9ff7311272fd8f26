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
 * Promise, version 2 (docs/formats/promise-v2.md): the log's signature over an entry of a tenant, the hash of its body and a
 * deadline for its inclusion, given with the reply to the change. One that is not kept is portable proof against the operator.
 * Version 1 does not say whose entry it is: a tenant's list in which it is not proves nothing of it.
 */
export interface EntryPromise {
  origin: string;
  /** Whose chain the entry belongs to; null in a promise of version 1. */
  tenant: string | null;
  entryId: string;
  /** SHA-256 of the body's bytes. */
  bodyHash: Uint8Array;
  /** Unix seconds by which a published checkpoint covers the entry. */
  deadline: number;
}

const HEADERS = { v1: 'freehold promise v1', v2: 'freehold promise v2' };

/** The text that is signed; its first line can be no checkpoint's origin of this log. @throws FormatError */
export function promiseText({ origin, tenant, entryId, bodyHash, deadline }: EntryPromise): string {
  if (Object.values(HEADERS).includes(origin))
    throw new FormatError('this origin would let a promise pass for a checkpoint');
  if (bodyHash.length !== HASH_BYTES) throw new FormatError('the hash of the body is 32 bytes');
  const whose = tenant === null ? [HEADERS.v1, origin] : [HEADERS.v2, origin, tenant];
  return `${[...whose, entryId, toBase64(bodyHash), deadline].join('\n')}\n`;
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
  const version = lines[0] === HEADERS.v2 ? 2 : 1;
  const [header, origin, tenant, entryId, bodyHash, deadline] = version === 2 ? lines : lines.toSpliced(2, 0, '');
  const holds =
    lines.length === version + 4 &&
    (version === 2 ? /^tnt-[0-9a-f]{17}$/.test(tenant!) : header === HEADERS.v1) &&
    /^led-[0-9a-f]{17}$/.test(entryId!);
  if (!origin || !holds) throw new FormatError('the note is not a promise of version 1 or 2');
  const promise = {
    origin,
    tenant: version === 2 ? tenant! : null,
    entryId: entryId!,
    bodyHash: fromBase64(bodyHash!),
    deadline: parseDecimal(deadline!, 'the deadline'),
  };
  if (promiseText(promise) !== text) throw new FormatError('the note is not a promise of version 1 or 2');
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
