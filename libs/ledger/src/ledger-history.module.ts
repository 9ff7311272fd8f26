import { Module } from '@nestjs/common';
import { AnchorApiModule } from './anchoring.module.js';
import { EntryHistory } from './app/entry-history.js';
import { EntryProofs } from './app/entry-proofs.js';
import { LogKeyQueries } from './app/log-key.queries.js';
import { PublishedTrees } from './app/published-trees.js';
import { EntryHistoryRepository } from './infra/entry-history.repository.js';
import { OpenLogRepository } from './infra/open-log.repository.js';
import { OwnEntryRepository } from './infra/own-entry.repository.js';

/** A tenant's own entries for features that answer from them what was. For the API process. */
@Module({
  imports: [AnchorApiModule],
  providers: [
    OpenLogRepository,
    OwnEntryRepository,
    LogKeyQueries,
    PublishedTrees,
    EntryHistoryRepository,
    EntryHistory,
    EntryProofs,
  ],
  exports: [EntryHistory, EntryProofs],
})
export class LedgerHistoryModule {}
