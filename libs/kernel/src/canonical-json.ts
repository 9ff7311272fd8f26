import canonicalize from 'canonicalize';

export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };

/** Thrown for what RFC 8785 cannot represent: the caller built a value that must never be hashed. */
export class NotCanonicalizableError extends TypeError {
  override name = 'NotCanonicalizableError';
}

/**
 * The one byte sequence of a JSON value (RFC 8785, JCS), as UTF-8. What is hashed or signed is made here once and kept as
 * bytes: text that went through a database's json type comes back different.
 *
 * Stricter than the library: refuses undefined members, non-finite and unsafe integers, lone surrogates and prototypes
 * other than plain objects, because each of them is silently changed or dropped by some other reader.
 * @throws NotCanonicalizableError
 */
export function canonicalJson(value: JsonValue): Uint8Array {
  assertCanonical(value, '');
  const text = canonicalize(value);
  if (text === undefined) throw new NotCanonicalizableError('the value has no JSON form');
  return new TextEncoder().encode(text);
}

function assertCanonical(value: unknown, path: string): void {
  switch (typeof value) {
    case 'boolean':
      return;
    case 'string':
      if (!value.isWellFormed()) throw new NotCanonicalizableError(`${path || '/'}: a lone surrogate`);
      return;
    case 'number':
      if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
        throw new NotCanonicalizableError(`${path || '/'}: ${value} has no exact JSON form`);
      }
      return;
    case 'object':
      break;
    default:
      throw new NotCanonicalizableError(`${path || '/'}: a ${typeof value} has no JSON form`);
  }
  if (value === null) return;
  if (Array.isArray(value)) {
    value.forEach((item, index) => {
      assertCanonical(item, `${path}/${index}`);
    });
    return;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new NotCanonicalizableError(`${path || '/'}: only plain objects have a JSON form`);
  }
  for (const [key, item] of Object.entries(value)) {
    assertCanonical(key, `${path}/${key}`);
    assertCanonical(item, `${path}/${key}`);
  }
}
