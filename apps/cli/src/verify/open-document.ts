import { createReadStream } from 'node:fs';
import { concatBytes } from '#merkle';
import { UsageError } from '../cli-errors.js';

export type DocumentKind = 'receipt' | 'bundle' | 'disclosure' | 'state' | 'broken-promise' | 'equivocation';

/** A document that was begun to be read: what it seems to be, and whose log it says it is of. Proves nothing. */
export interface OpenedDocument {
  kind: DocumentKind;
  origin: string | null;
  /** From its first byte on. */
  bytes: AsyncIterable<Uint8Array>;
}

/** A line of a bundle is never longer; no other document that is worth reading is either. */
const MOST_PEEKED = 72 << 20;
const CHUNK_BYTES = 1 << 20;
const NEWLINE = 0x0a;

/** Opened before it is read, so that a file that is not there is no failed verification. @throws UsageError */
export async function openDocument(path: string): Promise<OpenedDocument> {
  return recognise(await openedFile(path));
}

/** A file's bytes, once it is certain that there are any. @throws UsageError */
export async function openedFile(path: string): Promise<AsyncIterable<Uint8Array>> {
  const stream = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  await new Promise<void>((resolve, reject) => {
    stream.once('open', () => resolve());
    stream.once('error', reject);
  }).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${path} cannot be read: ${error.code}`);
  });
  return stream;
}

/**
 * Told by its content: a bundle's first line is its header, all others are one JSON document. What is neither is taken for a
 * receipt, which says what is wrong with it.
 */
export async function recognise(stream: AsyncIterable<Uint8Array>): Promise<OpenedDocument> {
  const source = stream[Symbol.asyncIterator]();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let firstLine = true;
  while (bytes <= MOST_PEEKED) {
    const { value, done } = await source.next();
    if (done) break;
    chunks.push(value);
    bytes += value.length;
    if (!firstLine || !value.includes(NEWLINE)) continue;
    firstLine = false;
    const begun = concatBytes(...chunks);
    const header = jsonOf(begun.subarray(0, begun.indexOf(NEWLINE)));
    if (header?.type !== 'freehold-bundle') continue;
    return { kind: 'bundle', origin: textOf(header.origin), bytes: continued([begun], source) };
  }
  const whole = concatBytes(...chunks);
  const document = bytes > MOST_PEEKED ? null : jsonOf(whole);
  // An answer about the past says why beside what it says.
  const history = document?.history as { type?: unknown; proof?: { log?: unknown } | null } | null | undefined;
  const isState = history?.type === 'freehold-state';
  const log = (isState ? history.proof?.log : document?.log) as { origin?: unknown } | null | undefined;
  return {
    kind: isState ? 'state' : (KINDS[String(document?.type)] ?? 'receipt'),
    origin: textOf(log?.origin),
    bytes: continued([whole], source),
  };
}

const KINDS: Record<string, DocumentKind> = {
  'freehold-disclosure': 'disclosure',
  'freehold-broken-promise': 'broken-promise',
  'freehold-equivocation': 'equivocation',
};

async function* continued(
  begun: Uint8Array[],
  source: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* begun;
  for (;;) {
    const { value, done } = await source.next();
    if (done) return;
    yield value;
  }
}

/** The whole of a document that is not read as a stream. What is too long is cut, and refused by whoever parses it. */
export async function wholeOf({ bytes }: OpenedDocument): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of bytes) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MOST_PEEKED) break;
  }
  return concatBytes(...chunks);
}

function jsonOf(bytes: Uint8Array): Record<string, unknown> | null {
  try {
    const value = JSON.parse(new TextDecoder().decode(bytes)) as unknown;
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
