import {
  formatAddCheckpoint,
  formatCheckpoint,
  formatNote,
  formatVkey,
  noteKey,
  signatureLine,
  TileTree,
  TreeAppender,
  TreeHasher,
} from '#merkle';
import { nodeCrypto } from '#proof';
import { derived, signingKey } from '../../../../libs/proof/src/testing/sample-log.js';

const hasher = new TreeHasher(nodeCrypto.sha256);

/** Histories of one log that agree up to a point: what a log may do, and what it may not. */
export class ForkingLog {
  readonly vkey: string;
  private readonly pair;
  private readonly key;
  private readonly branches = new Map<string, { tiles: Map<string, Uint8Array> }>();

  /** `keyLabel` draws the key: another label is the same log after a rotation. */
  constructor(
    readonly origin: string,
    readonly forkAt: number,
    readonly most: number,
    keyLabel = 'log key',
  ) {
    this.pair = signingKey(derived(keyLabel));
    this.key = noteKey(nodeCrypto.sha256, origin, this.pair.publicKey);
    this.vkey = formatVkey(this.key);
  }

  /** The tree of one history, whole. */
  tree(branch: string): TileTree {
    const { tiles } = this.branch(branch);
    return new TileTree(hasher, this.most, ({ level, index }) => tiles.get(`${level}/${index}`)!);
  }

  async root(branch: string, size: number): Promise<Uint8Array> {
    return size === 0 ? hasher.emptyRoot : this.tree(branch).root(size);
  }

  async checkpoint(branch: string, size: number): Promise<string> {
    const root = await this.root(branch, size);
    const text = formatCheckpoint({ origin: this.origin, size, root, extensions: [] });
    return formatNote(text, [signatureLine(this.key, this.pair.sign, text)]);
  }

  /** The request that an honest client of this history would send. */
  async request(branch: string, oldSize: number, size: number): Promise<string> {
    const proof = oldSize === 0 || oldSize >= size ? [] : await this.tree(branch).consistencyProof(oldSize, size);
    return formatAddCheckpoint({ oldSize, proof, checkpoint: await this.checkpoint(branch, size) });
  }

  private branch(name: string) {
    const known = this.branches.get(name);
    if (known) return known;
    const appender = TreeAppender.empty(hasher);
    const made = { tiles: new Map<string, Uint8Array>() };
    for (let at = 0; at < this.most; at++) {
      const leaf = derived(at < this.forkAt ? `leaf ${at}` : `leaf ${at} of ${name}`);
      for (const tile of appender.append([hasher.leaf(leaf)])) {
        made.tiles.set(`${tile.level}/${tile.index}`, tile.hashes);
      }
    }
    this.branches.set(name, made);
    return made;
  }
}
