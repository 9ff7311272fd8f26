import { concatBytes, FormatError } from '#merkle';

/** No line is longer: a body and its evidence of the largest size in base64, and room for the rest. */
export const MAX_LINE_BYTES = 6 << 20;

/**
 * Cuts a stream into lines, without their newlines, as many at a time as came at a time. The lines are views into the
 * chunks: whoever keeps one copies it. @throws FormatError when a line is too long or the last one has no newline
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array[]> {
  let begun: Uint8Array[] = [];
  let begunBytes = 0;
  for await (const chunk of chunks) {
    const lines: Uint8Array[] = [];
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      requireLength(begunBytes + end - start);
      const rest = chunk.subarray(start, end);
      lines.push(begun.length > 0 ? concatBytes(...begun, rest) : rest);
      begun = [];
      begunBytes = 0;
      start = end + 1;
    }
    if (start < chunk.length) {
      // A copy: the next chunk may come in the same memory.
      begun.push(chunk.slice(start));
      begunBytes += chunk.length - start;
      requireLength(begunBytes);
    }
    if (lines.length > 0) yield lines;
  }
  if (begunBytes > 0) throw new FormatError('the last line has no newline: the bundle was cut off');
}

function requireLength(bytes: number): void {
  if (bytes > MAX_LINE_BYTES) throw new FormatError(`a line is longer than ${MAX_LINE_BYTES} bytes`);
}
