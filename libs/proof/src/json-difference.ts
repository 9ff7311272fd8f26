import type { JsonValue } from '#kernel';

/** One place where two JSON values differ; `undefined` where one of them has nothing. */
export interface JsonDifference {
  /** RFC 6901. Empty when the values differ as a whole. */
  pointer: string;
  expected: JsonValue | undefined;
  actual: JsonValue | undefined;
}

/** Where two JSON values differ, to the depth of the members that do; the order of an object's members says nothing. */
export function jsonDifferences(
  expected: JsonValue | undefined,
  actual: JsonValue | undefined,
  pointer = '',
): JsonDifference[] {
  if (expected === actual) return [];
  if (isObject(expected) && isObject(actual)) {
    const names = [...new Set([...Object.keys(expected), ...Object.keys(actual)])].sort();
    return names.flatMap((name) =>
      jsonDifferences(memberOf(expected, name), memberOf(actual, name), `${pointer}/${escapePointer(name)}`),
    );
  }
  if (Array.isArray(expected) && Array.isArray(actual) && expected.length === actual.length) {
    return expected.flatMap((item, index) => jsonDifferences(item, actual[index], `${pointer}/${index}`));
  }
  return [{ pointer, expected, actual }];
}

/** The first member of a pointer, as it is named in its object. */
export function firstMember(pointer: string): string {
  return (pointer.split('/', 2)[1] ?? '').replaceAll('~1', '/').replaceAll('~0', '~');
}

type Members = { [name: string]: JsonValue };

export function isObject(value: JsonValue | undefined): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A member that is called `__proto__` is one like any other. */
function memberOf(object: Members, name: string): JsonValue | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
