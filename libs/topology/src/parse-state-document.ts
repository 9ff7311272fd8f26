import type { JsonValue } from '#kernel';
import { FormatError, fromUtf8 } from '#merkle';
import type { JsonObject } from '#proof';
import type { StateQuestion } from './state-claims.js';
import type { StateDocument, StateHistory, SupportingEntry } from './state-document.js';

/** Of a document with its proof, which holds a thousand entries at most. */
const MAX_BYTES = 72 << 20;

/** An answer of the API about the past, as it came: the claims with the member `history` beside them. @throws FormatError */
export function parseStateDocument(document: Uint8Array): StateDocument {
  if (document.length > MAX_BYTES) throw new FormatError(`the answer is longer than ${MAX_BYTES} bytes`);
  const value = jsonOf(document);
  if (!isObject(value) || !isObject(value.history)) throw new FormatError('not an answer about the past');
  const { history, ...claims } = value;
  return { claims, history: parseHistory(history) };
}

const MEMBERS = ['v', 'type', 'tenant', 'vpcId', 'question', 'asOf', 'entries', 'erased', 'breaks', 'proof'];

function parseHistory(value: JsonObject): StateHistory {
  const names = Object.keys(value);
  if (value.v !== 1 || value.type !== 'freehold-state') throw new FormatError('not a history of version 1');
  if (names.length !== MEMBERS.length || !MEMBERS.every((name) => Object.hasOwn(value, name))) {
    throw new FormatError('the history has not exactly the members of version 1');
  }
  const { tenant, vpcId, question, asOf, entries, erased, breaks, proof } = value;
  const sound =
    typeof tenant === 'string' &&
    typeof vpcId === 'string' &&
    isQuestion(question) &&
    isObject(asOf) &&
    (asOf.requested === null || typeof asOf.requested === 'string') &&
    (asOf.index === null || isIndex(asOf.index)) &&
    isIndex(asOf.size) &&
    isListOf(entries, isSupporting) &&
    isListOf(erased, (one) => isSupporting(one) && typeof (one as JsonObject).erasedBy === 'string') &&
    isListOf(breaks, isObject) &&
    (proof === null || isObject(proof));
  if (!sound) throw new FormatError('the history is not as version 1 has it');
  return value as unknown as StateHistory;
}

function isQuestion(value: JsonValue | undefined): value is JsonObject & StateQuestion {
  if (!isObject(value)) return false;
  if (value.kind === 'vpc' || value.kind === 'topology') return true;
  const { kind, routeTableId, address } = value;
  return (
    kind === 'effective-routes' && typeof routeTableId === 'string' && (address === null || typeof address === 'string')
  );
}

function isSupporting(value: JsonValue): value is JsonObject & SupportingEntry {
  return isObject(value) && typeof value.id === 'string' && (value.index === null || isIndex(value.index));
}

function isListOf(value: JsonValue | undefined, check: (one: JsonValue) => boolean): boolean {
  return Array.isArray(value) && value.every(check);
}

function isIndex(value: JsonValue | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function jsonOf(document: Uint8Array): JsonValue {
  try {
    return JSON.parse(fromUtf8(document)) as JsonValue;
  } catch (cause) {
    throw new FormatError('the answer is not JSON', { cause });
  }
}
