import { InvalidInputError } from '#kernel';

/** A page of a list in a stable order. `nextCursor` is null on the last page. */
export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

export interface PageRequest {
  limit: number;
  cursor?: string;
}

/** A keyset cursor: the sort key of the last item seen. Opaque to callers, so that the order can change with a version. */
export function encodeCursor(lastKey: string): string {
  return Buffer.from(JSON.stringify({ v: 1, k: lastKey })).toString('base64url');
}

/** @throws InvalidInputError when the text was not made by `encodeCursor`. */
export function decodeCursor(cursor: string | undefined): string | null {
  if (cursor === undefined) return null;
  try {
    const parsed = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) as { v?: unknown; k?: unknown };
    if (parsed.v === 1 && typeof parsed.k === 'string' && /^[\x20-\x7e]{1,200}$/.test(parsed.k)) return parsed.k;
  } catch {
    // Falls through to the one error below: how it is malformed does not matter to the caller.
  }
  throw new InvalidInputError([
    {
      pointer: '/cursor',
      rule: 'cursor.opaque',
      message: 'not a cursor of this API',
      fix: 'use the nextCursor of the previous page, or leave it out',
    },
  ]);
}

/** Cuts a result that was read with `limit + 1` rows into a page. */
export function pageOf<T>(rows: T[], limit: number, keyOf: (row: T) => string): Page<T> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, nextCursor: rows.length > limit && last !== undefined ? encodeCursor(keyOf(last)) : null };
}

/** The pages of a list, one after the other, to its end. */
export async function* allPages<T>(read: (page: PageRequest) => Promise<Page<T>>, limit: number): AsyncGenerator<T[]> {
  for (let cursor: string | undefined; ; ) {
    const { items, nextCursor } = await read(cursor === undefined ? { limit } : { limit, cursor });
    yield items;
    if (nextCursor === null) return;
    cursor = nextCursor;
  }
}
