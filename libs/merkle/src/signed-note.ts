import {
  concatBytes,
  equalBytes,
  FormatError,
  fromBase64,
  fromUint64,
  toBase64,
  toHex,
  uint64,
  utf8,
} from './bytes.js';
import type { Sha256 } from './tree-hasher.js';

/**
 * Signed notes (c2sp.org/signed-note) with the two Ed25519 signature types: a plain one (0x01) and a witness's timestamped
 * cosignature (0x04, c2sp.org/tlog-cosignature). Keys are pinned by the caller; a note never brings its own.
 */

export const ED25519 = 0x01;
export const COSIGNATURE_V1 = 0x04;

const MAX_SIGNATURES = 256;
const MAX_NOTE_CHARACTERS = 1 << 20;
const MARK = '\u2014 ';

/** Ed25519 (RFC 8032): whether the signature is the key's over the message. Must not throw for a malformed key. */
export type Ed25519Verify = (
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
) => boolean | Promise<boolean>;

/** Ed25519 (RFC 8032): the 64-byte signature over the message. */
export type Ed25519Sign = (message: Uint8Array) => Uint8Array;

/** A public key as notes know it. */
export interface NoteKey {
  name: string;
  /** The first four bytes of `SHA-256(name || 0x0A || type || public key)`, as a big-endian number. */
  keyId: number;
  type: typeof ED25519 | typeof COSIGNATURE_V1;
  /** 32 bytes. */
  publicKey: Uint8Array;
}

export interface NoteSignature {
  name: string;
  keyId: number;
  signature: Uint8Array;
}

export interface SignedNote {
  /** What was signed; ends in a newline. */
  text: string;
  signatures: NoteSignature[];
}

/** A note that holds: who of the known keys signed it, each once, and when for those that say so. */
export interface VerifiedNote {
  text: string;
  signedBy: { key: NoteKey /** Unix seconds, of a cosignature. */; time: number | null }[];
}

/** The note is well formed, but no known key signed it, or a known key's signature is wrong. */
export class NoteSignatureError extends Error {
  override name = 'NoteSignatureError';
}

/** The key with that name; `type` says how it signs. @throws FormatError */
export function noteKey(sha256: Sha256, name: string, publicKey: Uint8Array, type: NoteKey['type'] = ED25519): NoteKey {
  assertKeyName(name);
  if (publicKey.length !== 32) throw new FormatError('an Ed25519 public key is 32 bytes');
  const digest = sha256(concatBytes(utf8(`${name}\n`), Uint8Array.of(type), publicKey));
  return { name, keyId: bigEndian32(digest), type, publicKey };
}

/** `name+hex key id+base64(type || public key)`. */
export function formatVkey(key: NoteKey): string {
  return `${key.name}+${keyIdHex(key.keyId)}+${toBase64(concatBytes(Uint8Array.of(key.type), key.publicKey))}`;
}

/** @throws FormatError when malformed, when the id is not the key's, or when the type is none of the two known here */
export function parseVkey(sha256: Sha256, vkey: string): NoteKey {
  const match = /^([^+]+)\+([0-9a-f]{8})\+([^\s]+)$/.exec(vkey);
  if (!match) throw new FormatError('a verifier key is name+id+base64');
  const encoded = fromBase64(match[3]!);
  const type = encoded[0];
  if (type !== ED25519 && type !== COSIGNATURE_V1) throw new FormatError('the verifier key has an unknown type');
  const key = noteKey(sha256, match[1]!, encoded.slice(1), type);
  if (keyIdHex(key.keyId) !== match[2]) throw new FormatError('the id of the verifier key is not that of its key');
  return key;
}

/** Splits a note into its text and its signatures; proves nothing. @throws FormatError */
export function parseNote(note: string): SignedNote {
  if (note.length > MAX_NOTE_CHARACTERS) throw new FormatError('the note is longer than a mebibyte');
  if (!note.isWellFormed()) throw new FormatError('the note is not valid Unicode');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what the format forbids
  if (/[\u0000-\u0009\u000b-\u001f]/.test(note)) throw new FormatError('the note has a control character');
  const split = note.lastIndexOf('\n\n');
  if (split < 0 || !note.endsWith('\n')) throw new FormatError('the note has no text followed by signatures');
  const text = note.slice(0, split + 1);
  const lines = note
    .slice(split + 2)
    .split('\n')
    .slice(0, -1);
  if (lines.length === 0) throw new FormatError('the note has no signature');
  if (lines.length > MAX_SIGNATURES) throw new FormatError(`the note has more than ${MAX_SIGNATURES} signatures`);
  return { text, signatures: lines.map(parseSignatureLine) };
}

function parseSignatureLine(line: string): NoteSignature {
  if (!line.startsWith(MARK)) throw new FormatError('a signature line does not begin with an em dash');
  const parts = line.slice(MARK.length).split(' ');
  if (parts.length !== 2) throw new FormatError('a signature line is a name and a signature');
  assertKeyName(parts[0]!);
  const encoded = fromBase64(parts[1]!);
  if (encoded.length < 5) throw new FormatError('a signature is shorter than its key id and a byte');
  return { name: parts[0]!, keyId: bigEndian32(encoded), signature: encoded.slice(4) };
}

/**
 * Verifies a note with the known keys. Signatures of other keys are ignored; one bad signature of a known key rejects it.
 * @throws FormatError when it is malformed, NoteSignatureError when it does not hold
 */
export async function verifyNote(
  note: string,
  known: readonly NoteKey[],
  ed25519Verify: Ed25519Verify,
): Promise<VerifiedNote> {
  const verified = await verifyKnownSignatures(note, known, ed25519Verify);
  if (verified.signedBy.length === 0) throw new NoteSignatureError('no known key signed the note');
  return verified;
}

/**
 * As `verifyNote`, for a note that need not have a signature of these keys: who of them signed it, perhaps nobody.
 * @throws FormatError when it is malformed, NoteSignatureError when a known key's signature is wrong
 */
export async function verifyKnownSignatures(
  note: string,
  known: readonly NoteKey[],
  ed25519Verify: Ed25519Verify,
): Promise<VerifiedNote> {
  const { text, signatures } = parseNote(note);
  const signedBy: VerifiedNote['signedBy'] = [];
  for (const { name, keyId, signature } of signatures) {
    const key = known.find((candidate) => candidate.name === name && candidate.keyId === keyId);
    if (!key) continue;
    const { message, raw, time } = signedMessage(key, text, signature);
    if (!(await ed25519Verify(key.publicKey, message, raw))) {
      throw new NoteSignatureError(`the signature of ${name} is wrong`);
    }
    if (!signedBy.some((one) => equalBytes(one.key.publicKey, key.publicKey) && one.key.type === key.type)) {
      signedBy.push({ key, time });
    }
  }
  return { text, signedBy };
}

function signedMessage(key: NoteKey, text: string, signature: Uint8Array) {
  if (key.type === ED25519) {
    if (signature.length !== 64) throw new NoteSignatureError(`the signature of ${key.name} is not 64 bytes`);
    return { message: utf8(text), raw: signature, time: null };
  }
  if (signature.length !== 72) throw new NoteSignatureError(`the cosignature of ${key.name} is not 72 bytes`);
  const time = fromUint64(signature.subarray(0, 8));
  return { message: cosignedMessage(text, time), raw: signature.slice(8), time };
}

/** What a witness signs: the time goes before the checkpoint's text (c2sp.org/tlog-cosignature). */
function cosignedMessage(text: string, time: number): Uint8Array {
  return utf8(`cosignature/v1\ntime ${time}\n${text}`);
}

/** The signature line, newline included, of a plain Ed25519 key over a note's text. */
export function signatureLine(key: NoteKey, sign: Ed25519Sign, text: string): string {
  assertText(text);
  return formatLine(key, sign(utf8(text)));
}

/** The signature line, newline included, of a witness. `time` in Unix seconds. */
export function cosignatureLine(key: NoteKey, sign: Ed25519Sign, text: string, time: number): string {
  assertText(text);
  return formatLine(key, concatBytes(uint64(time), sign(cosignedMessage(text, time))));
}

/** A note from its text and its signature lines. */
export function formatNote(text: string, lines: readonly string[]): string {
  assertText(text);
  return `${text}\n${lines.join('')}`;
}

function formatLine(key: NoteKey, signature: Uint8Array): string {
  return `${MARK}${key.name} ${toBase64(concatBytes(bytes32(key.keyId), signature))}\n`;
}

function assertText(text: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what the format forbids
  if (!text.endsWith('\n') || !text.isWellFormed() || /[\u0000-\u0009\u000b-\u001f]/.test(text)) {
    throw new FormatError('the text of a note ends in a newline and has no other control character');
  }
}

function assertKeyName(name: string): void {
  if (name === '' || /[\s+]/u.test(name) || !name.isWellFormed()) {
    throw new FormatError('the name of a key is empty or has a space or a plus');
  }
}

function bigEndian32(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
}

function bytes32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function keyIdHex(keyId: number): string {
  return toHex(bytes32(keyId));
}
