import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import { AnchorDirectory } from '../domain/anchor-directory.js';
import { OpenLogRepository, type PublishedHead } from '../infra/open-log.repository.js';
import { OwnEntryRepository } from '../infra/own-entry.repository.js';
import type { CoveredEntry } from './ledger-entry.queries.js';

/** What is published, in order, for those who tell others of it: streams and webhooks. Under either role. */
@Injectable()
export class LedgerFeed {
  constructor(
    private readonly log: OpenLogRepository,
    private readonly entries: OwnEntryRepository,
    private readonly anchors: AnchorDirectory,
  ) {}

  /** Published heads of more than `size` entries, by size. */
  headsAfter(size: number, limit: number): Promise<PublishedHead[]> {
    return this.log.headsAfter(size, limit);
  }

  /** Published entries of the transaction's tenant behind the one numbered `after`, in the order of its chain. */
  async entriesAfter(tx: Tx, after: number, limit: number): Promise<CoveredEntry[]> {
    const size = await this.log.newestSize();
    const entries = await this.entries.publishedAfter(tx, after, size, limit);
    const [newest] = await this.anchors.upTo(size, 1);
    return entries.map((entry) => ({
      entry,
      published: true,
      anchor: newest && entry.place && entry.place.index < newest.size ? newest : null,
    }));
  }
}
