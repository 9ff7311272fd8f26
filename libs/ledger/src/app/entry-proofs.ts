import { Injectable } from '@nestjs/common';
import { TileTree, TreeHasher } from '#merkle';
import { buildDisclosure, type Disclosure, nodeCrypto } from '#proof';
import { AnchorDirectory } from '../domain/anchor-directory.js';
import { LogCorruptError, LogEmptyError } from '../domain/ledger.errors.js';
import { LogIdentity } from '../infra/log-identity.js';
import { OpenLogRepository } from '../infra/open-log.repository.js';
import type { OwnEntry } from '../infra/own-entry.repository.js';

/** Proves several entries of one tenant at once, under one checkpoint. */
@Injectable()
export class EntryProofs {
  private readonly hasher = new TreeHasher(nodeCrypto.sha256);

  constructor(
    private readonly log: OpenLogRepository,
    private readonly anchors: AnchorDirectory,
    private readonly identity: LogIdentity,
  ) {}

  /** Entries that were erased are left out: nothing of them is left to show. @throws LogEmptyError */
  async of(tenant: string, entries: readonly OwnEntry[]): Promise<Disclosure> {
    const whole = entries.filter((entry) => entry.place !== null && entry.body !== null);
    const last = Math.max(0, ...whole.map((entry) => entry.place!.index));
    const anchor = await this.anchors.covering(last);
    const [head] = anchor ? await this.log.heads([anchor.size]) : [await this.log.newestHead()];
    if (!head || head.size <= last) throw new LogEmptyError();
    const tree = this.treeOf(head.size);
    const proven = [];
    for (const { id, body, salt, place } of whole) {
      const { index, tenantSeq, prevHash, leaf } = place!;
      proven.push({
        opening: { entryId: id, body: body!, salt: salt!, tenantSeq, prevHash },
        leaf,
        index,
        inclusionProof: await tree.inclusionProof(index),
        evidence: null,
      });
    }
    return buildDisclosure({
      log: { origin: this.identity.origin, vkey: this.identity.vkey },
      keys: [],
      tenant,
      checkpoint: head.note,
      anchor,
      anchorProof: null,
      entries: proven,
    });
  }

  /** Tiles are read once however many proofs need them. */
  private treeOf(size: number): TileTree {
    const read = new Map<string, Promise<Uint8Array | null>>();
    return new TileTree(this.hasher, size, async (tile) => {
      const name = `${tile.level}/${tile.index}/${tile.width}`;
      const hashes = await (read.get(name) ?? read.set(name, this.log.tile(tile)).get(name)!);
      if (!hashes) throw new LogCorruptError(`tile ${name} is narrower than the published tree`);
      return hashes;
    });
  }
}
