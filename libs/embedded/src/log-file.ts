import { closeSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

const ROTATES_AT = 16 * 1024 * 1024;
const LONGEST_LINE = 64 * 1024;

/** Where one process's output goes: whole lines to a file, of which one older generation is kept, and to a listener. */
export class LogFile {
  private file: number | null = null;
  private size = 0;

  constructor(
    private readonly path: string,
    private readonly onLine: (line: string) => void,
  ) {}

  /** Takes a stream in until it ends. */
  take(stream: Readable): void {
    const decoder = new StringDecoder('utf8');
    let rest = '';
    stream.on('data', (chunk: Buffer) => {
      const lines = (rest + decoder.write(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.add(line);
      if (rest.length > LONGEST_LINE) {
        this.add(rest);
        rest = '';
      }
    });
    stream.on('end', () => {
      if (rest !== '') this.add(rest);
      rest = '';
    });
  }

  close(): void {
    if (this.file !== null) closeSync(this.file);
    this.file = null;
  }

  private add(line: string): void {
    this.write(`${line}\n`);
    this.onLine(line);
  }

  /** A full disk must not end the supervisor, whose work is to keep the others up: a line that cannot be kept is only shown. */
  private write(text: string): void {
    try {
      if (this.size > ROTATES_AT) {
        this.close();
        renameSync(this.path, `${this.path}.1`);
      }
      if (this.file === null) {
        mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
        this.file = openSync(this.path, 'a', 0o600);
        this.size = statSync(this.path).size;
      }
      this.size += writeSync(this.file, text);
    } catch {
      this.close();
    }
  }
}
