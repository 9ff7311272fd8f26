import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import { AnchorDirectory } from '../domain/anchor-directory.js';
import { OpenLogRepository, type PublishedHead } from '../infra/open-log.repository.js';
import { OwnEntryRepository } from '../infra/own-entry.repository.js';
import type { CoveredEntry } from './ledger-entry.queries.js';

/** How many entries are looked at for the next one that is wanted, in one statement. */
const LOOKED_AT = 1_000;

/** What is published, in order, for those who tell others of it: streams and webhooks. Under either role. */
@Injectable()
export class LedgerFeed {
  constructor(
    private readonly log: OpenLogRepository,
    private readonly entries: OwnEntryRepository,
    private readonly anchors: AnchorDirectory,
  ) {}

  /** The newest published head; null before the first. */
  newestHead(): Promise<PublishedHead | null> {
    return this.log.newestHead();
  }

  /** Published heads of more than `size` entries, by size. */
  headsAfter(size: number, limit: number): Promise<PublishedHead[]> {
    return this.log.headsAfter(size, limit);
  }

  /** Published entries of the transaction's tenant behind the one numbered `after`, in the order of its chain. */
  async entriesAfter(tx: Tx, after: number, limit: number): Promise<CoveredEntry[]> {
    return this.entriesWithin(tx, after, await this.log.newestSize(), limit);
  }

  /**
   * The next entry behind the one numbered `after` whose action starts with one of the prefixes (any, when there are none)
   * within a log of `size` leaves, read as it is now. Without one, `through` says up to where there is none.
   */
  async nextWanted(
    tx: Tx,
    { after, size, prefixes }: { after: number; size: number; prefixes: readonly string[] },
  ): Promise<{ entry: CoveredEntry | null; through: number }> {
    const { wanted, through } = await this.entries.firstWanted(tx, { after, size, prefixes, most: LOOKED_AT });
    if (wanted === null) return { entry: null, through };
    const [entry] = await this.entriesWithin(tx, wanted - 1, size, 1);
    return { entry: entry ?? null, through: wanted - 1 };
  }

  private async entriesWithin(tx: Tx, after: number, size: number, limit: number): Promise<CoveredEntry[]> {
    const entries = await this.entries.publishedAfter(tx, after, size, limit);
    const [newest] = await this.anchors.upTo(size, 1);
    return entries.map((entry) => ({
      entry,
      published: true,
      anchor: newest && entry.place && entry.place.index < newest.size ? newest : null,
    }));
  }
}
