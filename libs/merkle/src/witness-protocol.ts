import { FormatError, fromBase64, parseDecimal, toBase64 } from './bytes.js';
import {
  COSIGNATURE_V1,
  type Ed25519Verify,
  formatNote,
  type NoteKey,
  NoteSignatureError,
  parseNote,
  verifyNote,
} from './signed-note.js';
import { HASH_BYTES } from './tree-hasher.js';

/**
 * The messages of c2sp.org/tlog-witness: what a log sends to a witness for its newest checkpoint, and what comes back. Both
 * halves are here, because a log's client and a witness must agree to the byte.
 */

/** More than 2^63 leaves have no longer proof; a request with more lines is refused unread. */
export const MAX_CONSISTENCY_HASHES = 63;

/** The longest request a witness reads: the proof, and a note with as many signatures as verifiers have to accept. */
export const MAX_ADD_CHECKPOINT_BYTES = 64 << 10;

/** Content type of the 409 that names the size a witness has cosigned. */
export const TREE_SIZE_TYPE = 'text/x.tlog.size';

export interface AddCheckpoint {
  /** The size that the witness cosigned last, as far as the sender knows; 0 for none. */
  oldSize: number;
  /** RFC 6962 consistency proof from that size to the checkpoint's; empty from 0. */
  proof: Uint8Array[];
  /** The signed note. */
  checkpoint: string;
}

/** The body of the request. @throws FormatError */
export function formatAddCheckpoint({ oldSize, proof, checkpoint }: AddCheckpoint): string {
  if (!Number.isSafeInteger(oldSize) || oldSize < 0) throw new FormatError('the old size is not a natural number');
  if (proof.length > MAX_CONSISTENCY_HASHES) throw new FormatError(TOO_MANY);
  if (proof.some((hash) => hash.length !== HASH_BYTES)) throw new FormatError('a hash of the proof is not 32 bytes');
  return `old ${oldSize}\n${proof.map((hash) => `${toBase64(hash)}\n`).join('')}\n${checkpoint}`;
}

/** @throws FormatError; says nothing of whether the proof or the checkpoint holds */
export function parseAddCheckpoint(body: string): AddCheckpoint {
  const end = body.indexOf('\n\n');
  if (end < 0) throw new FormatError('the request has no blank line before its checkpoint');
  const [old, ...hashes] = body.slice(0, end).split('\n');
  if (!old!.startsWith('old ')) throw new FormatError('the request does not begin with the old size');
  if (hashes.length > MAX_CONSISTENCY_HASHES) throw new FormatError(TOO_MANY);
  const proof = hashes.map(fromBase64);
  if (proof.some((hash) => hash.length !== HASH_BYTES)) throw new FormatError('a hash of the proof is not 32 bytes');
  const checkpoint = body.slice(end + 2);
  parseNote(checkpoint);
  return { oldSize: parseDecimal(old!.slice('old '.length), 'the old size'), proof, checkpoint };
}

const TOO_MANY = `the request has more than ${MAX_CONSISTENCY_HASHES} hashes`;

/** The body of a 409: the size that the witness cosigned last. */
export function formatTreeSize(size: number): string {
  return `${size}\n`;
}

/** @throws FormatError */
export function parseTreeSize(body: string): number {
  if (!body.endsWith('\n')) throw new FormatError('the size does not end in a newline');
  return parseDecimal(body.slice(0, -1), 'the size');
}

/** A witness's signature under a checkpoint. */
export interface Cosignature {
  /** The signature line, newline included. */
  line: string;
  /** Unix seconds at which the witness knew of no larger tree of this log. */
  time: number;
}

/**
 * The witness's own cosignature out of its reply; lines of other keys are ignored.
 * @throws FormatError, NoteSignatureError when there is none, or it does not hold
 */
export async function readCosignature(
  checkpointText: string,
  reply: string,
  witness: NoteKey,
  ed25519Verify: Ed25519Verify,
): Promise<Cosignature> {
  if (witness.type !== COSIGNATURE_V1) throw new FormatError('the key is not that of a witness');
  if (!/^(\u2014 [^\n]+\n)+$/.test(reply)) throw new FormatError('the reply is not a sequence of signature lines');
  const note = formatNote(checkpointText, [reply]);
  if (parseNote(note).text !== checkpointText) throw new FormatError('the reply is not a sequence of signature lines');
  const { signedBy } = await verifyNote(note, [witness], ed25519Verify);
  const line = signatureLines(note).find((one) => isBy(one, witness));
  const time = signedBy[0]?.time;
  if (line === undefined || time === undefined || time === null) {
    throw new NoteSignatureError(`${witness.name} did not sign the checkpoint`);
  }
  return { line, time };
}

/** The note with further signature lines under it; a line that it has already is not added again. @throws FormatError */
export function addSignatureLines(note: string, lines: readonly string[]): string {
  const { text } = parseNote(note);
  const all = new Set([...signatureLines(note), ...lines]);
  const whole = formatNote(text, [...all]);
  if (parseNote(whole).signatures.length !== all.size) throw new FormatError('what was added is no signature line');
  return whole;
}

/** The signature lines of a note, newlines included. */
function signatureLines(note: string): string[] {
  const lines = note.slice(note.lastIndexOf('\n\n') + 2).split('\n');
  return lines.slice(0, -1).map((line) => `${line}\n`);
}

function isBy(line: string, key: NoteKey): boolean {
  const [signature] = parseNote(`x\n\n${line}`).signatures;
  return signature!.name === key.name && signature!.keyId === key.keyId;
}
