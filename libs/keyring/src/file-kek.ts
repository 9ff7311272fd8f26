import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, link, mkdir, open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { decrypt, encrypt } from './aes-gcm.js';
import { Kek, type WrappedKey } from './kek.js';
import { KekUnavailableError, SealBrokenError } from './keyring.errors.js';

const KEY_BYTES = 32;
const READABLE_BY_OTHERS = 0o077;
const WRAP_AAD = Buffer.from('freehold/kek-wrap/v1\n');

interface LoadedKey {
  id: string;
  bytes: Uint8Array;
}

/**
 * A key-encryption key in a file of 32 bytes, for development and single machines. Made on first use; several processes
 * that start at once end up with the same one. A file that others may read is refused: it is no longer a secret.
 */
export class FileKek extends Kek {
  private loading: Promise<LoadedKey> | undefined;

  constructor(private readonly path: string) {
    super();
  }

  async wrap(dataKey: Uint8Array): Promise<WrappedKey> {
    const key = await this.load();
    return { keyId: key.id, wrapped: encrypt(key.bytes, dataKey, WRAP_AAD) };
  }

  async unwrap({ keyId, wrapped }: WrappedKey): Promise<Uint8Array> {
    const key = await this.load();
    if (keyId !== key.id) {
      throw new SealBrokenError(
        `this was sealed under the key ${keyId}, but ${this.path} holds ${key.id}: put the right key file back`,
      );
    }
    const dataKey = decrypt(key.bytes, wrapped, WRAP_AAD);
    if (!dataKey) throw new SealBrokenError(`a data key sealed under ${keyId} was changed`);
    return dataKey;
  }

  private load(): Promise<LoadedKey> {
    this.loading ??= this.readOrCreate().catch((error: unknown) => {
      this.loading = undefined;
      throw error;
    });
    return this.loading;
  }

  private async readOrCreate(): Promise<LoadedKey> {
    try {
      const existing = await this.read();
      if (existing) return existing;
      await this.create();
      const created = await this.read();
      if (created) return created;
    } catch (error) {
      if (error instanceof KekUnavailableError) throw error;
      throw new KekUnavailableError(`the key file ${this.path} cannot be used`, { cause: error });
    }
    throw new KekUnavailableError(`the key file ${this.path} was removed while it was being made`);
  }

  private async read(): Promise<LoadedKey | null> {
    let file: FileHandle;
    try {
      file = await open(this.path, 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
    try {
      const { mode, size } = await file.stat();
      if ((mode & READABLE_BY_OTHERS) !== 0) {
        throw new KekUnavailableError(
          `the key file ${this.path} can be read by others (mode ${(mode & 0o777).toString(8)}): ` +
            'run chmod 600 on it, and replace the key if anyone may have read it',
        );
      }
      if (size !== KEY_BYTES) {
        throw new KekUnavailableError(`the key file ${this.path} has ${size} bytes where ${KEY_BYTES} are due`);
      }
      const bytes = Buffer.alloc(KEY_BYTES);
      await file.read(bytes, 0, KEY_BYTES, 0);
      const id = createHash('sha256').update('freehold/kek-id/v1\n').update(bytes).digest('hex').slice(0, 16);
      return { id: `file-${id}`, bytes };
    } finally {
      await file.close();
    }
  }

  /** The name appears with all its bytes or not at all; of several processes the first to link wins. */
  private async create(): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    const draft = `${this.path}.${process.pid}.${randomBytes(6).toString('hex')}`;
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(randomBytes(KEY_BYTES));
      await file.sync();
    } finally {
      await file.close();
    }
    try {
      await link(draft, this.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      await unlink(draft);
    }
    const folder = await open(dirname(this.path), 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}
