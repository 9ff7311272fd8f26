import {
  checkRecipients,
  type DatasetKeys,
  deriveDatasetKeys,
  type ManifestSigner,
  newDatasetKey,
  requireKeyCheck,
  signKeyDocument,
  unwrapDatasetKey,
  verifyKeyDocument,
  WrongDatasetKeyError,
  wrapDatasetKey,
} from '#dataset';
import { RemoteProblem } from './client-errors.js';
import { ClientState } from './client-state.js';
import type { DatasetReply, MigrationApi } from './migration-api.js';

export interface OpenDataset {
  api: MigrationApi;
  name: string;
  stateFolder: string;
  signer: ManifestSigner;
  /** Age recipients for a dataset that is new. */
  recipients: readonly string[];
  noRecovery: boolean;
  /** Age identities, for a dataset whose key this machine does not hold yet. */
  identities: readonly string[];
}

export interface OpenedDataset {
  dataset: DatasetReply;
  keys: DatasetKeys;
  state: ClientState;
  /** Lets the next run in; to be called when this one ends. */
  unlock: () => Promise<void>;
}

/**
 * Finds the dataset or makes it, and gets its key: from this machine, from an identity, or drawn anew for a dataset that
 * has none. A key document is used only when our own signing key signed it: whoever runs the server could otherwise have us
 * encrypt to a key of theirs. One run at a time: the lock is taken before a key is drawn, so that two runs never keep different
 * ones.
 */
export async function openDataset(input: OpenDataset): Promise<OpenedDataset> {
  const { api, name, stateFolder } = input;
  const found = await api.findDataset(name);
  if (!found) await checkRecipients(input.recipients, input.noRecovery);
  const { id } = found ?? (await createOrFind(api, name));
  const state = new ClientState(stateFolder, id);
  const unlock = await state.lock();
  try {
    return { ...(await establishKey(input, await api.dataset(id), state)), state, unlock };
  } catch (error) {
    await unlock();
    throw error;
  }
}

/** The dataset as it stands under the lock, with its key. */
async function establishKey(
  input: OpenDataset,
  dataset: DatasetReply,
  state: ClientState,
): Promise<Pick<OpenedDataset, 'dataset' | 'keys'>> {
  if (dataset.key) {
    const { key, keys } = await existingDataset({ ...input, dataset, trustedSigners: [input.signer.publicKey] });
    await state.writeKey(key);
    return { dataset, keys };
  }
  await checkRecipients(input.recipients, input.noRecovery);
  // A key that an interrupted run drew and kept is used, so that nobody is left with a key that opens nothing.
  const key = (await state.readKey()) ?? newDatasetKey();
  await state.writeKey(key);
  const keys = deriveDatasetKeys(dataset.id, key);
  const document = signKeyDocument(input.signer, {
    dataset: dataset.id,
    wrapped: await wrapDatasetKey(dataset.id, key, input.recipients),
    recipients: [...input.recipients],
    recovery: !input.noRecovery,
    keyCheck: keys.keyCheck.toString('hex'),
  });
  return { dataset: await input.api.setDatasetKey(dataset.id, document), keys };
}

/** Another process may make it at the same moment: then theirs is used. */
async function createOrFind(api: MigrationApi, name: string): Promise<DatasetReply> {
  try {
    return await api.createDataset(name);
  } catch (error) {
    const found = error instanceof RemoteProblem && error.code === 'DatasetNameTaken' && (await api.findDataset(name));
    if (found) return found;
    throw error;
  }
}

export interface ExistingDataset {
  dataset: DatasetReply;
  stateFolder: string;
  identities: readonly string[];
  /** Ed25519 public keys of those who may have set the dataset's key. */
  trustedSigners: readonly Uint8Array[];
}

/**
 * The keys of a dataset that has one: kept on this machine, or unwrapped with an identity.
 * @throws WrongDatasetKeyError, UntrustedSignatureError, CorruptDatasetError
 */
export async function existingDataset(input: ExistingDataset): Promise<{ key: Buffer; keys: DatasetKeys }> {
  const { dataset, identities } = input;
  const state = new ClientState(input.stateFolder, dataset.id);
  const document = verifyKeyDocument(dataset.key, dataset.id, input.trustedSigners);
  const kept = identities.length === 0 ? await state.readKey() : null;
  if (!kept && identities.length === 0) {
    throw new WrongDatasetKeyError(
      `this machine does not hold the key of ${dataset.name}; give an age identity that opens it (--identity <file>)`,
    );
  }
  const key = kept ?? (await unwrapDatasetKey(dataset.id, document.wrapped, identities));
  const keys = deriveDatasetKeys(dataset.id, key);
  requireKeyCheck(keys, Buffer.from(document.keyCheck, 'hex'));
  return { key, keys };
}
