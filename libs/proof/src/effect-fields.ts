import { canonicalJson, type JsonValue } from '#kernel';
import { equalBytes } from '#merkle';
import type { JsonObject } from './ledger-body.js';

/**
 * How one value of a request shows in the record of what it changed. Each of these says which members of the record the value
 * decides, and whether they are what the value asked for.
 */
export interface EffectField {
  /** Members of the record that the value decides. */
  members: readonly string[];
  /** `before` and `after` are empty where there was or is no record. */
  holds(value: JsonValue, before: JsonObject, after: JsonObject): boolean;
}

/** Puts a value in the one form that records have; most are refused in any other. Gives undefined for what has none. */
type Normal = (value: JsonValue) => JsonValue | undefined;

const asItIs: Normal = (value) => value;

/** A time in UTC with milliseconds. */
export const instant: Normal = (value) => {
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
};

/** An address of the web as the URL standard writes it. */
export const webAddress: Normal = (value) =>
  typeof value === 'string' && URL.canParse(value) ? new URL(value).href : undefined;

/** The record's member is the value. */
export function as(member: string, normal: Normal = asItIs): EffectField {
  return {
    members: [member],
    holds: (value, _before, after) => same(normal(value), after[member]),
  };
}

/** The record's list has the same items, in whatever order. */
export function asSet(member: string): EffectField {
  return {
    members: [member],
    holds: (value, _before, after) => {
      const recorded = after[member];
      if (!Array.isArray(value) || !Array.isArray(recorded)) return false;
      return same(sorted(value), sorted(recorded));
    },
  };
}

/** The record's list holds the value; when there was one before, that is all that came. */
export function listed(member: string): EffectField {
  return {
    members: [member],
    holds: (value, before, after) => {
      const list = listOf(after, member);
      const earlier = before[member] === undefined ? null : listOf(before, member);
      if (!list.some((item) => same(item, value))) return false;
      return earlier === null || same(sorted([...earlier, value]), sorted(list));
    },
  };
}

/** One item of the record's list went; the request names it by something that the record does not hold. */
export function oneLess(member: string): EffectField {
  return {
    members: [member],
    holds: (_value, before, after) => {
      const list = listOf(after, member);
      const earlier = listOf(before, member);
      return list.length === earlier.length - 1 && list.every((item) => earlier.some((one) => same(one, item)));
    },
  };
}

/** The record said so before, and says nothing now: what is detached. */
export function was(member: string): EffectField {
  return {
    members: [member],
    holds: (value, before, after) => same(value, before[member]) && after[member] === null,
  };
}

/** The value is the id of a route's target of that kind. */
export function target(kind: string): EffectField {
  return {
    members: ['target'],
    holds: (value, _before, after) => same({ kind, id: value }, after.target),
  };
}

/** Records never hold it: a secret, or what only the service needs. */
export const untold: EffectField = { members: [], holds: () => true };

export function same(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return equalBytes(canonicalJson(a), canonicalJson(b));
}

function listOf(record: JsonObject, member: string): JsonValue[] {
  const list = record[member];
  return Array.isArray(list) ? list : [];
}

function sorted(items: readonly JsonValue[]): JsonValue {
  return items.map((item) => JSON.stringify(item)).sort();
}
