/**
 * The keys of a dataset. One random 256-bit dataset key; everything else is derived from it (HKDF-SHA-256, one purpose
 * each) or drawn afresh (segment keys). The dataset key leaves the client only wrapped to age recipients.
 * Format: docs/formats/segment-v1.md.
 */
import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { canonicalJson, type DatasetId } from '#kernel';
import { CorruptDatasetError, invalidField, WrongDatasetKeyError } from './dataset.errors.js';

const KEY_BYTES = 32;

/** Loaded when a key is wrapped or unwrapped: whoever seals and opens segments needs none of its curves. */
const age = () => import('age-encryption');

/** What a key is for. The text goes into HKDF's info and can never change for a released version. */
type Purpose = 'chunk-id' | 'chunker-seed' | 'file-hash' | 'tree-hash' | 'segment-wrap' | 'key-check';

/** All derived keys of one dataset, 32 bytes each. Never stored, never logged. */
export interface DatasetKeys {
  readonly datasetId: DatasetId;
  readonly chunkId: Buffer;
  readonly chunkerSeed: Buffer;
  readonly fileHash: Buffer;
  readonly treeHash: Buffer;
  readonly segmentWrap: Buffer;
  /** HMAC that tells the right key from a wrong one without revealing it; 32 bytes, public, part of the manifest. */
  readonly keyCheck: Buffer;
}

/** Draws a dataset key: 32 bytes from the CSPRNG. */
export function newDatasetKey(): Buffer {
  return randomBytes(KEY_BYTES);
}

/** Derives every key of a dataset from its 32-byte dataset key. The dataset's id is the HKDF salt: equal keys under two ids share nothing. */
export function deriveDatasetKeys(datasetId: DatasetId, datasetKey: Uint8Array): DatasetKeys {
  if (datasetKey.length !== KEY_BYTES) throw new WrongDatasetKeyError('a dataset key has 32 bytes');
  const derive = (purpose: Purpose): Buffer =>
    Buffer.from(hkdfSync('sha256', datasetKey, datasetId, `freehold dataset v1 ${purpose}`, KEY_BYTES));
  return Object.freeze({
    datasetId,
    chunkId: derive('chunk-id'),
    chunkerSeed: derive('chunker-seed'),
    fileHash: derive('file-hash'),
    treeHash: derive('tree-hash'),
    segmentWrap: derive('segment-wrap'),
    keyCheck: createHmac('sha256', derive('key-check')).update(datasetId).digest(),
  });
}

/** @throws WrongDatasetKeyError unless `keys` are those whose check value the manifest or key document states. */
export function requireKeyCheck(keys: DatasetKeys, stated: Uint8Array): void {
  if (stated.length !== KEY_BYTES || !timingSafeEqual(keys.keyCheck, stated)) {
    throw new WrongDatasetKeyError(
      `the unwrapped key is not the key of ${keys.datasetId}: its check value differs from the signed one`,
    );
  }
}

/** Text of a recipient that age-encryption takes: X25519, or hybrid post-quantum. */
const RECIPIENT = /^age1[0-9a-z]{10,4096}$/;

/**
 * Checks the recipients of a dataset: valid age recipients, no two equal, and two of them unless the caller gives up
 * recovery by name.
 * @throws InvalidInputError
 */
export async function checkRecipients(recipients: readonly string[], noRecovery: boolean): Promise<void> {
  if (recipients.length === 0) {
    throw invalidField('/recipients', 'recipients.some', 'no recipient is given', 'give two age recipients (age1...)');
  }
  const { Encrypter } = await age();
  for (const [index, recipient] of recipients.entries()) {
    let valid = RECIPIENT.test(recipient);
    if (valid) {
      try {
        new Encrypter().addRecipient(recipient);
      } catch {
        valid = false;
      }
    }
    if (!valid) {
      throw invalidField(
        `/recipients/${index}`,
        'recipients.age',
        'not an age recipient',
        'give the public text that starts with age1, as "freehold key generate" or age-keygen prints it',
      );
    }
  }
  if (new Set(recipients).size !== recipients.length) {
    throw invalidField('/recipients', 'recipients.distinct', 'a recipient is given twice', 'give each recipient once');
  }
  if (recipients.length < 2 && !noRecovery) {
    throw invalidField(
      '/recipients',
      'recipients.recovery',
      'with a single recipient the data is lost when its identity is lost',
      'give a second recipient whose identity is kept elsewhere, or say --no-recovery',
    );
  }
}

/** Wraps the dataset key to age recipients: armored age text whose plaintext names the dataset it belongs to. */
export async function wrapDatasetKey(
  datasetId: DatasetId,
  datasetKey: Uint8Array,
  recipients: readonly string[],
): Promise<string> {
  const { armor, Encrypter } = await age();
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  const plaintext = canonicalJson({ v: 1, dataset: datasetId, key: Buffer.from(datasetKey).toString('base64') });
  return armor.encode(await encrypter.encrypt(plaintext));
}

/**
 * Opens a wrapped dataset key with any of the given age identities (`AGE-SECRET-KEY-1...`).
 * @throws WrongDatasetKeyError when no identity fits, CorruptDatasetError when the wrap is not one or is another dataset's.
 */
export async function unwrapDatasetKey(
  datasetId: DatasetId,
  wrapped: string,
  identities: readonly string[],
): Promise<Buffer> {
  const { armor, Decrypter } = await age();
  const decrypter = new Decrypter();
  try {
    for (const identity of identities) decrypter.addIdentity(identity);
  } catch {
    // The identity's text stays out of the message and out of the cause.
    throw new WrongDatasetKeyError('an age identity is malformed; it starts with AGE-SECRET-KEY-1');
  }
  let sealed: Uint8Array;
  try {
    sealed = armor.decode(wrapped);
  } catch (cause) {
    throw new CorruptDatasetError('wrapped dataset key', 'not armored age text', { cause });
  }
  let plaintext: Uint8Array;
  try {
    plaintext = await decrypter.decrypt(sealed);
  } catch (cause) {
    throw new WrongDatasetKeyError('none of the given age identities opens the dataset key', { cause });
  }
  return parseWrappedKey(datasetId, plaintext);
}

function parseWrappedKey(datasetId: DatasetId, plaintext: Uint8Array): Buffer {
  let content: { v?: unknown; dataset?: unknown; key?: unknown } | null;
  try {
    content = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(plaintext));
  } catch {
    content = null;
  }
  const key = typeof content?.key === 'string' ? Buffer.from(content.key, 'base64') : null;
  if (content?.v !== 1 || key?.length !== KEY_BYTES) {
    throw new CorruptDatasetError('wrapped dataset key', 'its content is not a dataset key v1');
  }
  if (content.dataset !== datasetId) {
    throw new CorruptDatasetError('wrapped dataset key', `it was made for another dataset than ${datasetId}`);
  }
  return key;
}
