/**
 * What a client has sealed for a dataset, so that the next run does not upload it again: one line of JSON a segment,
 * appended and synced before it is sent. Whether it arrived, the server is asked. A line that was cut off by a crash is
 * dropped. Holds keyed chunk ids and wrapped keys only; the folder is its owner's alone.
 */
import { type FileHandle, mkdir, open, rename, stat, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { CHUNK_ID_BYTES, type SegmentRecord, segmentRecordSchema } from '#dataset';
import type { DatasetId } from '#kernel';

/** A sealed segment with the chunks that are in it, in order. */
export interface JournalSegment {
  record: SegmentRecord;
  /** 32 bytes a chunk. */
  ids: Buffer;
  lengths: Uint32Array;
}

const headSchema = z.object({ t: z.literal('journal'), v: z.literal(1), dataset: z.string(), keyCheck: z.string() });
const segmentSchema = z.object({
  t: z.literal('segment'),
  record: segmentRecordSchema,
  ids: z.base64(),
  lengths: z.array(z.int().min(1)),
});

export class Journal {
  private constructor(private readonly file: FileHandle) {}

  /**
   * Opens or makes a dataset's journal and hands its segments to `onSegment`. One of another key, or one that cannot be
   * read, is set aside and begun anew.
   */
  static async open(
    path: string,
    dataset: DatasetId,
    keyCheck: string,
    onSegment: (segment: JournalSegment) => void,
  ): Promise<Journal> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const validBytes = await read(path, dataset, keyCheck, onSegment);
    if (validBytes === null) await rename(path, `${path}.unusable`);
    else if (validBytes > 0) await truncate(path, validBytes);
    const journal = new Journal(await open(path, 'a', 0o600));
    if (!validBytes) await journal.write({ t: 'journal', v: 1, dataset, keyCheck });
    return journal;
  }

  append({ record, ids, lengths }: JournalSegment): Promise<void> {
    return this.write({ t: 'segment', record, ids: ids.toString('base64'), lengths: [...lengths] });
  }

  close(): Promise<void> {
    return this.file.close();
  }

  /** One write to a file that is open for appending: lines of several uploads never mix. */
  private async write(line: object): Promise<void> {
    await this.file.write(`${JSON.stringify(line)}\n`);
    await this.file.datasync();
  }
}

/** How many bytes of the journal are good; 0 when there is none, null when it is of no use. */
async function read(
  path: string,
  dataset: DatasetId,
  keyCheck: string,
  onSegment: (segment: JournalSegment) => void,
): Promise<number | null> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (!found || found.size === 0) return 0;
  const file = await open(path, 'r');
  let validBytes = 0;
  try {
    for await (const line of file.readLines()) {
      const end = validBytes + Buffer.byteLength(line) + 1;
      const json = end > found.size ? null : parseJson(line);
      if (validBytes === 0) {
        const head = headSchema.safeParse(json);
        if (!head.success || head.data.dataset !== dataset || head.data.keyCheck !== keyCheck) return null;
      } else {
        const segment = parseSegment(json);
        if (!segment) break;
        onSegment(segment);
      }
      validBytes = end;
    }
  } finally {
    await file.close();
  }
  return validBytes;
}

function parseSegment(json: unknown): JournalSegment | null {
  const parsed = segmentSchema.safeParse(json);
  if (!parsed.success) return null;
  const { record, lengths } = parsed.data;
  const ids = Buffer.from(parsed.data.ids, 'base64');
  if (ids.length !== lengths.length * CHUNK_ID_BYTES) return null;
  return { record: record as SegmentRecord, ids, lengths: Uint32Array.from(lengths) };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
