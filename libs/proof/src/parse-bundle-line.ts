import { FormatError, fromHex, HASH_BYTES } from '#merkle';
import { parseAnchorProof } from './anchor-proof.js';
import { parseAnchorRecord } from './anchor-record.js';
import type { BundleLeaf, BundleLine, BundleVersion, OpenedEntry } from './bundle-format.js';
import { parseCanonical } from './canonical-parse.js';
import { parseStoredEvidence, type StoredEvidence } from './entry-evidence.js';
import { isNatural, membersOf } from './ledger-body.js';
import { parseLogKeys } from './log-keys.js';

const MEMBERS: Record<BundleLine['type'], readonly string[]> = {
  'freehold-bundle': ['type', 'v', 'origin', 'vkey', 'tenant', 'size', 'entries', 'keys'],
  checkpoint: ['type', 'note'],
  anchor: ['type', 'anchor', 'proof'],
  leaf: ['type', 'index', 'hash', 'leaf', 'entry'],
  trailer: ['type', 'checkpoints', 'anchors', 'leaves', 'entries', 'digest'],
};
const LATER_THAN_V1 = ['keys', 'proof'];

/**
 * One line without its newline; `version` is what the header said, and null for the header.
 * @throws FormatError when it is not exactly what a writer of that version writes
 */
export function parseBundleLine(bytes: Uint8Array, version: BundleVersion | null): BundleLine {
  return (version === 2 ? parsePlainLeaf(bytes) : null) ?? parseAnyLine(bytes, version);
}

/**
 * What parseAnyLine would give for this line of version 2, found at a fraction of its cost; or null for a line that only it
 * can judge. The parts that are fixed have to be there to the letter, in canonical order, the texts are of characters that
 * JSON writes as they are, and the numbers are below 10^15 and without surplus digits: such a line is canonical. (Held against
 * parseAnyLine by a property test.)
 */
export function parsePlainLeaf(bytes: Uint8Array): BundleLeaf | null {
  const text = DECODER.decode(bytes);
  if (!text.startsWith(BEFORE_ENTRY)) return null;
  const afterEntry = text.startsWith(NO_ENTRY) ? NO_ENTRY.length : text.indexOf(AFTER_ENTRY) + 1;
  if (afterEntry === 0) return null;
  const place = PLACE.exec(text.slice(afterEntry, afterEntry + MAX_PLACE));
  if (!place || !text.endsWith(END)) return null;
  const leaf = text.slice(afterEntry + place[0].length, -END.length);
  if (!isPlain(leaf)) return null;
  const [, hash, index] = place;
  const found = { type: 'leaf' as const, index: Number(index), hash: hash!, leaf };
  if (afterEntry === NO_ENTRY.length) return { ...found, entry: null };
  const entry = plainEntry(text.slice(BEFORE_ENTRY.length, afterEntry));
  return entry && { ...found, entry };
}

const BEFORE_ENTRY = '{"entry":';
const NO_ENTRY = `${BEFORE_ENTRY}null`;
const AFTER_ENTRY = '},"hash":"';
const PLACE = /^,"hash":"([0-9a-f]{64})","index":(0|[1-9][0-9]{0,14}),"leaf":"/;
const MAX_PLACE = 130;
const END = '","type":"leaf"}';

function plainEntry(text: string): OpenedEntry | null {
  if (!text.startsWith('{"body":"')) return null;
  const bodyEnd = text.indexOf('"', 9);
  const body = text.slice(9, bodyEnd);
  const evidenceAt = bodyEnd + EVIDENCE.length;
  if (bodyEnd < 0 || !text.startsWith(EVIDENCE, bodyEnd) || !isPlain(body)) return null;
  if (text.startsWith('null', evidenceAt)) return entryOf(REST.exec(text.slice(evidenceAt + 4)), body, null);
  if (!text.startsWith(DOCUMENT, evidenceAt)) return null;
  const documentAt = evidenceAt + DOCUMENT.length;
  const documentEnd = text.indexOf('"', documentAt);
  const document = text.slice(documentAt, documentEnd);
  if (documentEnd < 0 || !isPlain(document)) return null;
  const salt = EVIDENCE_SALT.exec(text.slice(documentEnd, documentEnd + MAX_PLACE));
  if (!salt) return null;
  return entryOf(REST.exec(text.slice(documentEnd + salt[0].length)), body, { document, salt: salt[1]! });
}

const EVIDENCE = '","evidence":';
const DOCUMENT = '{"document":"';
const EVIDENCE_SALT = /^","salt":"([A-Za-z0-9+/]{43}=)"\}/;
const REST = /^,"id":"(led-[0-9a-f]{17})","salt":"([A-Za-z0-9+/]{43}=)","seq":(0|[1-9][0-9]{0,14})\}$/;

function entryOf(rest: RegExpExecArray | null, body: string, evidence: StoredEvidence | null): OpenedEntry | null {
  return rest && { id: rest[1]!, seq: Number(rest[3]), body, salt: rest[2]!, evidence };
}

/** No quote, no backslash, nothing that JSON escapes or that is beyond ASCII. */
function isPlain(text: string): boolean {
  return !UNPLAIN.test(text);
}

const UNPLAIN = /[^ !#-[\]-~]/;

const DECODER = new TextDecoder('utf-8', { ignoreBOM: true });

/** As parseBundleLine, for every line. */
export function parseAnyLine(bytes: Uint8Array, version: BundleVersion | null): BundleLine {
  const value = parseCanonical(bytes, 'line');
  const { type, v } = (value ?? {}) as { type?: unknown; v?: unknown };
  if (typeof type !== 'string' || !Object.hasOwn(MEMBERS, type)) throw new FormatError('the line has no known type');
  const written = version ?? v;
  if (written !== 1 && written !== 2) throw new FormatError('not a bundle of version 1 or 2');
  const all = MEMBERS[type as BundleLine['type']];
  const members = written === 2 ? all : all.filter((name) => !LATER_THAN_V1.includes(name));
  const line = membersOf(value, 'line', members);
  if (!wellFormed(line, written)) throw new FormatError(`the ${type} is not as version ${written} has it`);
  if (written === 1) return completed(line);
  return line as unknown as BundleLine;
}

function wellFormed(line: Record<string, unknown>, version: BundleVersion): boolean {
  const texts = (...names: string[]) => names.every((name) => typeof line[name] === 'string');
  const naturals = (...names: string[]) => names.every((name) => isNatural(line[name]));
  switch (line.type) {
    case 'freehold-bundle':
      if (version === 2) parseLogKeys(line.keys);
      return line.v === version && texts('origin', 'vkey', 'tenant') && naturals('size', 'entries');
    case 'checkpoint':
      return texts('note');
    case 'anchor':
      parseAnchorRecord(line.anchor);
      if (version === 2 && line.proof !== null) parseAnchorProof(line.proof);
      return true;
    case 'leaf':
      return (
        naturals('index') &&
        texts('hash', 'leaf') &&
        isHash(line.hash) &&
        (line.entry === null || isEntry(line.entry, version))
      );
    case 'trailer':
      return naturals('checkpoints', 'anchors', 'leaves', 'entries') && isHash(line.digest);
    default:
      return false;
  }
}

function isEntry(value: unknown, version: BundleVersion): boolean {
  if (version === 2 && Object.hasOwn(Object(value), 'erased')) {
    const { id, seq, erased } = membersOf(value, 'entry', ['id', 'seq', 'erased']);
    return typeof id === 'string' && isNatural(seq) && erased === true;
  }
  const entry = membersOf(value, 'entry', [...OPENED, ...(version === 2 ? ['evidence'] : [])]);
  if (version === 2) parseStoredEvidence(entry.evidence);
  return [entry.id, entry.body, entry.salt].every((text) => typeof text === 'string') && isNatural(entry.seq);
}

const OPENED = ['id', 'seq', 'body', 'salt'];

/** A line of version 1 with what version 2 would say in its place. */
function completed(line: Record<string, unknown>): BundleLine {
  if (line.type === 'freehold-bundle') return { ...line, keys: [] } as unknown as BundleLine;
  if (line.type === 'anchor') return { ...line, proof: null } as unknown as BundleLine;
  if (line.type === 'leaf' && line.entry) {
    return { ...line, entry: { ...(line.entry as object), evidence: null } } as unknown as BundleLine;
  }
  return line as unknown as BundleLine;
}

function isHash(value: unknown): boolean {
  return typeof value === 'string' && fromHex(value).length === HASH_BYTES;
}
