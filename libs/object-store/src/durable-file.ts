import { constants, type FileHandle, open } from 'node:fs/promises';

/** Makes the names in a folder survive a power cut: a rename is durable only after its folder was synced. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Writes all of `bytes`; a single write may take fewer. */
export async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at);
    at += bytesWritten;
  }
}

/** Reads `length` bytes from `offset`, into a new buffer or the one given; gives fewer when the file ends before. */
export async function readFully(
  file: FileHandle,
  offset: number,
  length: number,
  bytes: Uint8Array = Buffer.allocUnsafe(length),
): Promise<Uint8Array> {
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}
