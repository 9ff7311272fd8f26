import { SYSTEM_TENANT_ID } from '#kernel';
import { formatCheckpoint, formatNote, formatVkey, noteKey, signatureLine } from '#merkle';
import { buildLogKeyLink, endorseLogKey, LOG_KEY_RESOURCE, LOG_KEY_ROTATED, logKeyChange } from '../log-keys.js';
import { nodeCrypto } from '../node-crypto.js';
import { derived, SampleLog, signingKey } from './sample-log.js';

/** The key with a number: 1 is the sample log's own. */
export function keyOf(origin: string, version: number) {
  const signer = signingKey(derived(version === 1 ? 'log key' : `log key ${version}`));
  return { signer, key: noteKey(nodeCrypto.sha256, origin, signer.publicKey) };
}

/** A sample log that changes its key as the service does. */
export class RotatingLog extends SampleLog {
  readonly rotations: { vkey: string; endorsement: string; index: number }[] = [];
  readonly rotatedKeys = [keyOf(this.origin, 1)];

  rotate(): void {
    const old = this.rotatedKeys.at(-1)!;
    const version = this.rotatedKeys.length + 1;
    const successor = keyOf(this.origin, version);
    const endorsement = endorseLogKey(old.key, old.signer.sign, successor.key);
    this.rotations.push({ vkey: formatVkey(successor.key), endorsement, index: this.size });
    this.rotatedKeys.push(successor);
    this.appendBody({
      ...this.body(SYSTEM_TENANT_ID, this.size),
      class: 'system',
      action: LOG_KEY_ROTATED,
      resource: { type: LOG_KEY_RESOURCE, id: String(version), version },
      ...logKeyChange(old.key, successor.key, endorsement),
    });
  }

  /** The links into the tree of `size` leaves, as documents carry them. */
  links(size = this.size) {
    const covered = this.rotations.filter((rotation) => rotation.index < size);
    return Promise.all(
      covered.map(async (rotation) => {
        const entry = this.entries[rotation.index]!;
        const proof = await this.tileTree().inclusionProof(rotation.index, size);
        return buildLogKeyLink(rotation, { entryId: entry.id, ...entry }, entry.leaf, proof);
      }),
    );
  }

  async head(size = this.size) {
    return { size, root: await this.tileTree().root(size) };
  }

  override signed(size: number, root: Uint8Array): string {
    const before = this.rotations.filter((rotation) => rotation.index < size).length;
    const { key, signer } = this.rotatedKeys[before]!;
    const text = formatCheckpoint({ origin: this.origin, size, root, extensions: [] });
    return formatNote(text, [signatureLine(key, signer.sign, text)]);
  }
}
