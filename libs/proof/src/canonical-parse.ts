import { canonicalJson, type JsonValue } from '#kernel';
import { equalBytes, FormatError, fromUtf8 } from '#merkle';

/** JSON in the one canonical form, or nothing. @throws FormatError naming `what` */
export function parseCanonical(bytes: Uint8Array, what: string): unknown {
  let value: JsonValue;
  try {
    const text = fromUtf8(bytes);
    value = JSON.parse(text) as JsonValue;
    if (isCanonicalText(value, text) || equalBytes(canonicalJson(value), bytes)) return value;
  } catch (cause) {
    throw new FormatError(`the ${what} is not canonical JSON`, { cause });
  }
  throw new FormatError(`the ${what} is not canonical JSON`);
}

/**
 * Whether `text`, from which `value` was parsed, is its canonical form; false when this cannot tell without writing it anew.
 *
 * RFC 8785 is what JSON.stringify writes, with members in the order of their names' UTF-16 code units; and beyond it,
 * canonicalJson refuses lone surrogates and whole numbers above 2^53. So a text that JSON.stringify gives back as it is, whose
 * members are in that order, and which has neither, is canonical. Lone surrogates are the only characters that
 * JSON.stringify writes as `\ud...`. Names that look like indexes are moved by JSON.parse: such texts take the slow way.
 */
function isCanonicalText(value: JsonValue, text: string): boolean {
  return isOrdered(value) && !text.includes('\\ud') && JSON.stringify(value) === text;
}

function isOrdered(value: JsonValue): boolean {
  if (typeof value === 'number') return !Number.isInteger(value) || Number.isSafeInteger(value);
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(isOrdered);
  let last: string | null = null;
  for (const name of Object.keys(value)) {
    if (last !== null && name <= last) return false;
    last = name;
    if (!isOrdered(value[name] as JsonValue)) return false;
  }
  return true;
}
