import { generateHybridIdentity, generateIdentity, identityToRecipient } from 'age-encryption';
import { type DatasetId, newId } from '#kernel';
import { CorruptDatasetError, WrongDatasetKeyError } from './dataset.errors.js';
import {
  checkRecipients,
  deriveDatasetKeys,
  newDatasetKey,
  requireKeyCheck,
  unwrapDatasetKey,
  wrapDatasetKey,
} from './dataset-keys.js';
import { signKeyDocument, verifyKeyDocument } from './key-document.js';
import { newSigningKeyPem, signerFromPem } from './signing.js';

const datasetId = newId('dataset');

async function ageKeys(): Promise<{ identity: string; recipient: string }> {
  const identity = await generateIdentity();
  return { identity, recipient: await identityToRecipient(identity) };
}

describe('the dataset key', () => {
  it('opens with either of its two identities and with no other', async () => {
    const [first, second, stranger] = await Promise.all([ageKeys(), ageKeys(), ageKeys()]);
    const key = newDatasetKey();
    const wrapped = await wrapDatasetKey(datasetId, key, [first.recipient, second.recipient]);
    expect(await unwrapDatasetKey(datasetId, wrapped, [first.identity])).toEqual(key);
    expect(await unwrapDatasetKey(datasetId, wrapped, [stranger.identity, second.identity])).toEqual(key);
    await expect(unwrapDatasetKey(datasetId, wrapped, [stranger.identity])).rejects.toThrow(WrongDatasetKeyError);
  });

  it('does not open as the key of another dataset', async () => {
    const { identity, recipient } = await ageKeys();
    const wrapped = await wrapDatasetKey(datasetId, newDatasetKey(), [recipient]);
    await expect(unwrapDatasetKey(newId('dataset'), wrapped, [identity])).rejects.toThrow(CorruptDatasetError);
  });

  it('never shows an identity or a key in an error', async () => {
    const { identity, recipient } = await ageKeys();
    const mangled = `${identity.slice(0, -1)}!`;
    const wrapped = await wrapDatasetKey(datasetId, newDatasetKey(), [recipient]);
    const error = await unwrapDatasetKey(datasetId, wrapped, [mangled]).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(WrongDatasetKeyError);
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain(identity.slice(20, 40));
  });

  it('gives every purpose and every dataset its own key', () => {
    const key = newDatasetKey();
    const mine = deriveDatasetKeys(datasetId, key);
    const other = deriveDatasetKeys(newId('dataset'), key);
    const all = [mine, other].flatMap((keys) => Object.values(keys).filter((value) => Buffer.isBuffer(value)));
    expect(new Set(all.map((value) => value.toString('hex'))).size).toBe(12);
  });

  it('is told from a wrong one by its check value', () => {
    const keys = deriveDatasetKeys(datasetId, newDatasetKey());
    expect(() => requireKeyCheck(keys, keys.keyCheck)).not.toThrow();
    expect(() => requireKeyCheck(deriveDatasetKeys(datasetId, newDatasetKey()), keys.keyCheck)).toThrow(
      WrongDatasetKeyError,
    );
  });
});

describe('recipients', () => {
  it('takes two, or one when recovery is given up by name', async () => {
    const [first, second] = await Promise.all([ageKeys(), ageKeys()]);
    await expect(checkRecipients([first.recipient, second.recipient], false)).resolves.toBeUndefined();
    await expect(checkRecipients([first.recipient], true)).resolves.toBeUndefined();
    await expect(checkRecipients([first.recipient], false)).rejects.toThrow(/--no-recovery|is lost/);
  });

  it('takes post-quantum recipients', async () => {
    const identity = await generateHybridIdentity();
    await expect(checkRecipients([await identityToRecipient(identity)], true)).resolves.toBeUndefined();
  });

  it.each([[[]], [['age1notone']], [['ssh-ed25519 AAAA']], [['']]])('refuses %j', async (recipients) => {
    await expect(checkRecipients(recipients, true)).rejects.toThrow();
  });

  it('refuses the same one twice: that is no second chance', async () => {
    const { recipient } = await ageKeys();
    await expect(checkRecipients([recipient, recipient], false)).rejects.toThrow(/twice/);
  });
});

describe('the key document', () => {
  it('is accepted from its signer alone, and only unchanged', async () => {
    const signer = signerFromPem(newSigningKeyPem());
    const mallory = signerFromPem(newSigningKeyPem());
    const body = {
      dataset: datasetId as DatasetId,
      wrapped: 'age',
      recipients: ['age1x'],
      recovery: false,
      keyCheck: '00'.repeat(32),
    };
    const document = signKeyDocument(signer, body);
    expect(verifyKeyDocument(document, datasetId, [signer.publicKey])).toEqual(document);
    expect(() => verifyKeyDocument(signKeyDocument(mallory, body), datasetId, [signer.publicKey])).toThrow(/trusted/);
    expect(() => verifyKeyDocument({ ...document, wrapped: 'mine' }, datasetId, [signer.publicKey])).toThrow(
      /not over/,
    );
    expect(() => verifyKeyDocument(document, newId('dataset'), null)).toThrow(CorruptDatasetError);
    expect(() => verifyKeyDocument({ ...document, extra: 1 }, datasetId, null)).toThrow(CorruptDatasetError);
  });
});
