import { createReadStream, createWriteStream, mkdirSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { replacePrivateFile } from '../connection/private-file.js';

/** Where evidence is written: files to hand on, each whole or not at all. */
export class EvidenceFolder {
  constructor(readonly path: string) {}

  /** @returns where it is */
  write(name: string, document: object): string {
    mkdirSync(this.path, { recursive: true });
    const path = join(this.path, name);
    replacePrivateFile(path, `${JSON.stringify(document, null, 2)}\n`);
    return path;
  }

  /** @returns the digest in the bundle's trailer; null when it has none, and then nothing is kept */
  async writeBundle(name: string, chunks: AsyncIterable<Uint8Array>): Promise<string | null> {
    mkdirSync(this.path, { recursive: true });
    const path = join(this.path, name);
    let end = '';
    const lastLine = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        end = (end + chunk.toString('latin1')).slice(-MAX_TRAILER);
        done(null, chunk);
      },
    });
    try {
      await pipeline(Readable.from(chunks), lastLine, createWriteStream(`${path}.part`, { mode: 0o600 }));
      const digest = digestOf(end);
      if (digest !== null) await rename(`${path}.part`, path);
      return digest;
    } finally {
      await rm(`${path}.part`, { force: true });
    }
  }

  read(name: string): AsyncIterable<Uint8Array> {
    return createReadStream(join(this.path, name));
  }
}

const MAX_TRAILER = 1024;

function digestOf(end: string): string | null {
  const line = end.trimEnd().split('\n').at(-1)!;
  try {
    const { type, digest } = JSON.parse(line) as { type?: string; digest?: unknown };
    return type === 'trailer' && typeof digest === 'string' && /^[0-9a-f]{64}$/.test(digest) ? digest : null;
  } catch {
    return null;
  }
}
