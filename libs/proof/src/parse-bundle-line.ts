import { FormatError, fromHex, HASH_BYTES } from '#merkle';
import { parseAnchorProof } from './anchor-proof.js';
import { parseAnchorRecord } from './anchor-record.js';
import type { BundleLeaf, BundleLine, BundleVersion } from './bundle-format.js';
import { parseCanonical } from './canonical-parse.js';
import { parseStoredEvidence } from './entry-evidence.js';
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

/** A leaf line as nearly all are, in groups: everything that is not fixed is of characters that JSON writes as they are. */
const BASE64 = '([A-Za-z0-9+/]*={0,2})';
const NATURAL = '(0|[1-9][0-9]{0,14})';
const EVIDENCE = `(?:null|\\{"document":"${BASE64}","salt":"${BASE64}"\\})`;
const ENTRY = `\\{"body":"${BASE64}","evidence":${EVIDENCE},"id":"(led-[0-9a-f]{17})","salt":"${BASE64}","seq":${NATURAL}\\}`;
const LEAF = new RegExp(
  `^\\{"entry":(?:null|${ENTRY}),"hash":"([0-9a-f]{64})","index":${NATURAL},"leaf":"${BASE64}","type":"leaf"\\}$`,
);

/**
 * What parseAnyLine would give for this line of version 2, found at a fraction of its cost; or null for a line that only it
 * can judge. A text that the pattern matches has its members in canonical order and needs no escapes, and its numbers are
 * below 10^15 and without surplus digits: it is canonical. (Held against parseAnyLine by a property test.)
 */
export function parsePlainLeaf(bytes: Uint8Array): BundleLeaf | null {
  const match = LEAF.exec(DECODER.decode(bytes));
  if (!match) return null;
  const [, body, document, evidenceSalt, id, salt, seq, hash, index, leaf] = match;
  const evidence = document === undefined ? null : { document, salt: evidenceSalt! };
  const entry = id === undefined ? null : { id, seq: Number(seq), body: body!, salt: salt!, evidence };
  return { type: 'leaf', index: Number(index), hash: hash!, leaf: leaf!, entry };
}

/** Bytes that are no ASCII become characters that the pattern does not have. */
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

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
