import { canonicalJson, type JsonValue } from '#kernel';
import { FormatError } from '#merkle';
import { parseCanonical } from './canonical-parse.js';

/**
 * Ledger body, version 1 (docs/formats/ledger-body-v1.md): what happened, as the one canonical sequence of bytes that the
 * leaf commits to. Only its bytes are ever stored or hashed; this is the one place that makes and reads them.
 */

export const ENTRY_CLASSES = ['configuration', 'migration', 'agreement', 'audit', 'system'] as const;
export type EntryClass = (typeof ENTRY_CLASSES)[number];

export type JsonObject = { [key: string]: JsonValue };

export interface LedgerBody {
  v: 1;
  /** `led-` and 17 hexadecimal digits. */
  id: string;
  /** Whose chain the entry belongs to: a `tnt-` id. */
  tenant: string;
  class: EntryClass;
  /** In the past tense: `subnet.created`. */
  action: string;
  actor: { type: 'user' | 'system'; id: string };
  /** The credential that was used, or null when one of the service's own processes acted. */
  keyId: string | null;
  resource: { type: string; id: string; version: number | null };
  /** The resource before and after; null where there was or is none. */
  before: JsonValue;
  after: JsonValue;
  requestId: string;
  /** RFC 3339 in UTC with milliseconds. Informative: the order of entries is that of the log. */
  time: string;
  vouched: Vouching;
}

/**
 * How the actor vouched for it. `custodial`: nobody signed; the service says so. `signed`: the actor signed the request with
 * the key, and `evidence` is the salted commitment to what proves it (docs/formats/evidence-v1.md), 64 hexadecimal digits.
 */
export type Vouching = { mode: 'custodial' } | { mode: 'signed'; keyId: string; evidence: string };

/** Longer bodies are refused: a body is one resource's change, and is read and verified whole. */
export const MAX_BODY_BYTES = 1 << 20;

const ID = /^[a-z][a-z0-9-]{0,30}-[0-9a-f]{17}$/;
const ENTRY_ID = /^led-[0-9a-f]{17}$/;
const TENANT_ID = /^tnt-[0-9a-f]{17}$/;
const WORDS = /^[a-z][a-z0-9-]*(?:\.[a-z][a-z0-9-]*)*$/;
const ACTION = /^[a-z][a-z0-9-]*(?:\.[a-z][a-z0-9-]*)+$/;
const SIGNING_KEY_ID = /^sgk-[0-9a-f]{17}$/;
const COMMITMENT = /^[0-9a-f]{64}$/;
const LINE = /^[\x21-\x7e]{1,255}$/;
const TIME = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$/;

/**
 * The body's bytes; whoever records them refuses more than MAX_BODY_BYTES.
 * @throws FormatError naming the member that breaks the format; NotCanonicalizableError
 */
export function encodeBody(body: LedgerBody): Uint8Array {
  assertBody(body);
  return canonicalJson(body as unknown as JsonValue);
}

/** @throws FormatError when the bytes are not exactly what `encodeBody` makes of some body */
export function parseBody(bytes: Uint8Array): LedgerBody {
  if (bytes.length > MAX_BODY_BYTES) throw new FormatError(`the body is longer than ${MAX_BODY_BYTES} bytes`);
  const value = parseCanonical(bytes, 'body');
  assertBody(value);
  return value;
}

function assertBody(value: unknown): asserts value is LedgerBody {
  const body = membersOf(value, 'body', [
    'v',
    'id',
    'tenant',
    'class',
    'action',
    'actor',
    'keyId',
    'resource',
    'before',
    'after',
    'requestId',
    'time',
    'vouched',
  ]);
  const actor = membersOf(body.actor, 'actor', ['type', 'id']);
  const resource = membersOf(body.resource, 'resource', ['type', 'id', 'version']);
  const vouched = membersOf(body.vouched, 'vouched', vouchedMembers(body.vouched));
  const rules: [string, boolean][] = [
    ['v', body.v === 1],
    ['id', matches(body.id, ENTRY_ID)],
    ['tenant', matches(body.tenant, TENANT_ID)],
    ['class', ENTRY_CLASSES.includes(body.class as EntryClass)],
    ['action', matches(body.action, ACTION)],
    ['actor.type', actor.type === 'user' || actor.type === 'system'],
    ['actor.id', matches(actor.id, LINE)],
    ['keyId', body.keyId === null || matches(body.keyId, ID)],
    ['resource.type', matches(resource.type, WORDS)],
    ['resource.id', matches(resource.id, LINE)],
    ['resource.version', resource.version === null || isNatural(resource.version)],
    ['requestId', matches(body.requestId, LINE)],
    ['time', matches(body.time, TIME)],
    ['vouched.mode', vouched.mode === 'custodial' || vouched.mode === 'signed'],
    ['vouched.keyId', vouched.mode !== 'signed' || matches(vouched.keyId, SIGNING_KEY_ID)],
    ['vouched.evidence', vouched.mode !== 'signed' || matches(vouched.evidence, COMMITMENT)],
  ];
  const broken = rules.find(([, holds]) => !holds);
  if (broken) throw new FormatError(`the body's ${broken[0]} is not as version 1 has it`);
}

const SIGNED_TAIL = /,"vouched":\{"evidence":"([0-9a-f]{64})","keyId":"(sgk-[0-9a-f]{17})","mode":"signed"\}\}$/;
const SIGNED_TAIL_BYTES = 140;

/**
 * How a stored body is vouched for, read from its end: members are in their order, and this is the last. For whoever looks
 * through many bodies and needs no more of them.
 */
export function vouchingOfBody(bytes: Uint8Array): Vouching {
  const tail = String.fromCharCode(...bytes.subarray(-SIGNED_TAIL_BYTES));
  const [, evidence, keyId] = SIGNED_TAIL.exec(tail) ?? [];
  return evidence && keyId ? { mode: 'signed', keyId, evidence } : { mode: 'custodial' };
}

function vouchedMembers(vouched: unknown): readonly string[] {
  return isObject(vouched) && vouched.mode === 'signed' ? ['mode', 'keyId', 'evidence'] : ['mode'];
}

/** An object with exactly these members. @throws FormatError */
export function membersOf(value: unknown, what: string, names: readonly string[]): Record<string, unknown> {
  if (!isObject(value)) throw new FormatError(`the ${what} is not an object`);
  const missing = names.find((name) => !Object.hasOwn(value, name));
  if (missing !== undefined) throw new FormatError(`the ${what} has no ${missing}`);
  if (Object.keys(value).length !== names.length) throw new FormatError(`the ${what} has a member it may not have`);
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function matches(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value);
}

export function isNatural(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
