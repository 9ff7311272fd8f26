import { Injectable } from '@nestjs/common';
import type { Hex } from '#chain';
import type { Tx } from '#database';
import { equalBytes, parseCheckpoint, TileTree, TreeHasher, verifyNote } from '#merkle';
import { nodeCrypto } from '#proof';
import { AnchoringBlockedError } from '../domain/anchor.errors.js';
import { bytesOf, hexOf } from '../infra/anchor-hex.js';
import { LogRepository } from '../infra/log.repository.js';
import { LogIdentity } from '../infra/log-identity.js';

/** A head with the note under which it was published. */
export interface SignedHead {
  size: number;
  root: Hex;
  note: string;
}

/**
 * Holds a head that is about to be signed for the chain against the log: the log's own key signed it, the stored tiles have
 * its root, and they still have the root that was anchored before. A row that somebody wrote into a table is not enough.
 */
@Injectable()
export class PublishedHeadCheck {
  private readonly hasher = new TreeHasher(nodeCrypto.sha256);

  constructor(
    private readonly log: LogRepository,
    private readonly identity: LogIdentity,
  ) {}

  /** @throws AnchoringBlockedError */
  async require(tx: Tx, head: SignedHead, anchored: { size: number; root: Hex } | null = null): Promise<void> {
    let problem = await this.noteProblem(head);
    if (problem) {
      // The key may be younger than what this process has read of them.
      await this.identity.refresh();
      problem = await this.noteProblem(head);
    }
    problem ??= await this.treeProblem(tx, head, anchored);
    if (problem) throw new AnchoringBlockedError(`the published head of ${head.size} entries ${problem}`);
  }

  private async noteProblem({ size, root, note }: SignedHead): Promise<string | null> {
    try {
      const { text } = await verifyNote(note, [this.identity.keyFor(size)], nodeCrypto.ed25519Verify);
      const signed = parseCheckpoint(text);
      const same = signed.origin === this.identity.origin && signed.size === size && hexOf(signed.root) === root;
      return same ? null : 'is not the one that its note signs';
    } catch {
      return 'is not signed by the log';
    }
  }

  private async treeProblem(
    tx: Tx,
    { size, root }: SignedHead,
    anchored: { size: number; root: Hex } | null,
  ): Promise<string | null> {
    const tree = new TileTree(this.hasher, size, (tile) => this.log.readTile(tx, tile));
    try {
      if (!equalBytes(await tree.root(), bytesOf(root))) return 'has not the root of the stored tiles';
      if (!anchored || anchored.size === 0) return null;
      const before = await tree.root(anchored.size);
      return equalBytes(before, bytesOf(anchored.root)) ? null : 'does not continue the one that was anchored before';
    } catch {
      return 'has more entries than the stored tiles';
    }
  }
}
