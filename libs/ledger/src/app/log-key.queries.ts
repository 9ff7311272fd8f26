import { Injectable } from '@nestjs/common';
import { buildLogKeyLink, type LogKeyLink } from '#proof';
import { LogIdentity } from '../infra/log-identity.js';
import { LogKeyRepository } from '../infra/log-key.repository.js';
import { OpenLogRepository, type PublishedHead } from '../infra/open-log.repository.js';
import { PublishedTrees } from './published-trees.js';

/** A key of the log, and which checkpoints it signs. */
export interface LogKeyPeriod {
  vkey: string;
  /** Sizes of the checkpoints it signs, both ends included; the last one null while it is the newest. */
  firstSize: number;
  lastSize: number | null;
  /** The entry that brought it in; null for the first key. */
  entryId: string | null;
  createdAt: Date | null;
}

export interface PublicLogKeys {
  keys: LogKeyPeriod[];
  /** From the first key to the newest, into the tree of `head`. */
  links: LogKeyLink[];
  /** Null before the first checkpoint. */
  head: PublishedHead | null;
}

/** The keys of the log and the links that lead to them, as documents carry them and as everybody may read them. */
@Injectable()
export class LogKeyQueries {
  constructor(
    private readonly log: OpenLogRepository,
    private readonly logKeys: LogKeyRepository,
    private readonly identity: LogIdentity,
    private readonly trees: PublishedTrees,
  ) {}

  /** The links into the tree of `size` entries, which must be published: none when the log has its first key there. */
  async linksUpTo(size: number): Promise<LogKeyLink[]> {
    const rotations = await this.logKeys.rotations();
    const tree = this.trees.of(size);
    const links: LogKeyLink[] = [];
    for (const { vkey, endorsement, entryId, body, salt, place } of rotations) {
      if (!place || place.index >= size) break;
      const { index, leaf, tenantSeq, prevHash } = place;
      const opening = { entryId, body, salt, tenantSeq, prevHash };
      links.push(buildLogKeyLink({ vkey, endorsement, index }, opening, leaf, await tree.inclusionProof(index)));
    }
    return links;
  }

  async published(): Promise<PublicLogKeys> {
    const head = await this.log.newestHead();
    const links = head ? await this.linksUpTo(head.size) : [];
    const created = new Map((await this.logKeys.rotations()).map((one) => [one.vkey, one.createdAt]));
    const starts = [
      { vkey: this.identity.vkey, firstSize: 1, entryId: null, createdAt: null },
      ...links.map(({ vkey, index, opening }) => {
        return { vkey, firstSize: index + 1, entryId: opening.entryId, createdAt: created.get(vkey) ?? null };
      }),
    ];
    const keys = starts.map((start, at) => {
      const next = starts[at + 1];
      return { ...start, lastSize: next ? next.firstSize - 1 : null };
    });
    return { keys, links, head };
  }
}
