import { type DynamicModule, Module, type OnModuleInit } from '@nestjs/common';
import { Authenticator, AuthModule } from '#auth';
import { Database } from '#database';
import { ServiceKeys } from '#keyring';
import { nodeCrypto, witnessPolicy } from '#proof';
import { AnchorApiModule, anchorDirectory } from './anchoring.module.js';
import { BreakGlassController } from './api/break-glass.controller.js';
import { DisclosureController } from './api/disclosure.controller.js';
import { EntryErasureController } from './api/entry-erasure.controller.js';
import { EventsController } from './api/events.controller.js';
import { LedgerEntryController } from './api/ledger-entry.controller.js';
import { LedgerStateController } from './api/ledger-state.controller.js';
import { LogController } from './api/log.controller.js';
import { LogKeyController } from './api/log-key.controller.js';
import { LogStatisticsController } from './api/log-statistics.controller.js';
import { WitnessController } from './api/witness.controller.js';
import { BreakGlassService } from './app/break-glass.service.js';
import { PublishAtOnceGate, WitnessedGate } from './app/checkpoint-gates.js';
import { DiscloseEntriesService } from './app/disclose-entries.service.js';
import { EntryProofs } from './app/entry-proofs.js';
import { EraseEntryService } from './app/erase-entry.service.js';
import { ExportBundleService } from './app/export-bundle.service.js';
import { FollowLogService, StreamOptions } from './app/follow-log.service.js';
import { LedgerEntryQueries } from './app/ledger-entry.queries.js';
import { LedgerFeed } from './app/ledger-feed.js';
import { LedgerStateSources } from './app/ledger-state-sources.js';
import { LedgerWriter, LedgerWriterOptions } from './app/ledger-writer.js';
import { LogKeyQueries } from './app/log-key.queries.js';
import { LogKeyStateSource } from './app/log-key-state.source.js';
import { LogStatisticsQuery } from './app/log-statistics.query.js';
import { LogTail } from './app/log-tail.js';
import { OpenLogQueries } from './app/open-log.queries.js';
import { PublishHeadService } from './app/publish-head.service.js';
import { PublishedTrees } from './app/published-trees.js';
import { ReadLedgerStateQuery } from './app/read-ledger-state.query.js';
import { RotateLogKeyService } from './app/rotate-log-key.service.js';
import { SequenceEntriesService } from './app/sequence-entries.service.js';
import { Sequencer, SequencerOptions } from './app/sequencer.js';
import { TakeOverLogService } from './app/take-over-log.service.js';
import { TenantChains } from './app/tenant-chains.js';
import { WitnessQueries } from './app/witness.queries.js';
import { Witnessing, WitnessingOptions } from './app/witnessing.js';
import { CheckpointGate } from './domain/checkpoint-gate.js';
import type { WitnessSetting } from './domain/witness.js';
import { ChainPositionRepository } from './infra/chain-position.repository.js';
import { EntryErasureRepository } from './infra/entry-erasure.repository.js';
import { EntrySearchRepository } from './infra/entry-search.repository.js';
import { EvidenceRepository } from './infra/evidence.repository.js';
import { HeadFile } from './infra/head-file.js';
import { LeafRepository } from './infra/leaf.repository.js';
import { LedgerEntryRepository } from './infra/ledger-entry.repository.js';
import { LogRepository } from './infra/log.repository.js';
import { LogIdentity } from './infra/log-identity.js';
import { LogKeyRepository } from './infra/log-key.repository.js';
import { LogStatisticsRepository } from './infra/log-statistics.repository.js';
import { OpenLogRepository } from './infra/open-log.repository.js';
import { OpenWitnessRepository } from './infra/open-witness.repository.js';
import { OwnEntryRepository } from './infra/own-entry.repository.js';
import { TenantChainRepository } from './infra/tenant-chain.repository.js';
import { WitnessRepository } from './infra/witness.repository.js';
import { WitnessClient } from './infra/witness-client.js';

export interface LedgerModuleOptions {
  /** How long the log has to include an entry, in seconds. */
  promiseSeconds: number;
}

/** Recording for every process. Needs the global modules DatabaseModule, KeyringModule and ClockModule. */
@Module({})
export class LedgerModule {
  static forRoot(options: LedgerModuleOptions): DynamicModule {
    return {
      module: LedgerModule,
      global: true,
      providers: [
        { provide: LedgerWriterOptions, useValue: options },
        {
          provide: LogIdentity,
          inject: [Database, ServiceKeys, LogKeyRepository],
          useFactory: (database: Database, keys: ServiceKeys, logKeys: LogKeyRepository) =>
            LogIdentity.load(database, keys, logKeys),
        },
        LogKeyRepository,
        LedgerEntryRepository,
        EvidenceRepository,
        TenantChainRepository,
        LedgerWriter,
        TenantChains,
        LedgerStateSources,
      ],
      exports: [
        EvidenceRepository,
        LedgerWriter,
        TenantChains,
        LedgerStateSources,
        TenantChainRepository,
        LogIdentity,
        LogKeyRepository,
      ],
    };
  }
}

export interface SequencerModuleOptions {
  /** How long to wait when there is nothing to do. */
  sequencerIntervalMs: number;
  /** Where the newest signed head is kept outside the database. */
  ledgerHeadFile: string;
  /** Who cosigns checkpoints. */
  witnesses?: readonly WitnessSetting[];
  /** How many of them make a checkpoint a witnessed one. */
  witnessThreshold?: number;
  /** Whether a checkpoint is published only then. */
  witnessRequired?: boolean;
  /** How long a witness has for its answer. */
  witnessTimeoutMs?: number;
}

/**
 * The log's writer, for worker processes alone: it starts with the application and stops with it. Needs LedgerModule and
 * the system role; asks an AnchoredHeadSource when a global module provides one.
 */
@Module({})
export class SequencerModule {
  static forRoot(options: SequencerModuleOptions): DynamicModule {
    const { sequencerIntervalMs, ledgerHeadFile, witnessRequired = false } = options;
    return {
      module: SequencerModule,
      providers: [
        { provide: SequencerOptions, useValue: { intervalMs: sequencerIntervalMs } },
        {
          provide: HeadFile,
          inject: [LogIdentity],
          useFactory: (log: LogIdentity) => HeadFile.prepare(ledgerHeadFile, log),
        },
        { provide: WitnessingOptions, useFactory: () => witnessingOf(options) },
        { provide: CheckpointGate, useClass: witnessRequired ? WitnessedGate : PublishAtOnceGate },
        LogRepository,
        LeafRepository,
        WitnessRepository,
        Witnessing,
        TakeOverLogService,
        SequenceEntriesService,
        PublishHeadService,
        Sequencer,
      ],
      exports: [Sequencer, Witnessing],
    };
  }
}

/** @throws Error for keys that are none of witnesses, in one line that names the setting */
function witnessingOf({
  witnesses = [],
  witnessThreshold = 0,
  witnessRequired = false,
  witnessTimeoutMs = 5_000,
}: SequencerModuleOptions): WitnessingOptions {
  const vkeys = witnesses.map(({ vkey }) => vkey);
  try {
    const policy = witnessPolicy(nodeCrypto, vkeys, vkeys.length === 0 ? 0 : witnessThreshold);
    return { settings: witnesses, policy, required: witnessRequired, client: new WitnessClient(witnessTimeoutMs) };
  } catch (cause) {
    throw new Error(`FREEHOLD_WITNESSES: ${(cause as Error).message}`, { cause });
  }
}

/** What is published, in order, for other features of a worker. */
@Module({
  providers: [...anchorDirectory, OpenLogRepository, OwnEntryRepository, LedgerFeed],
  exports: [LedgerFeed],
})
export class LedgerFeedModule {}

/** The ledger over HTTP: the open log for everybody, entries and receipts for their tenant. For the API process. */
@Module({})
export class LedgerApiModule implements OnModuleInit {
  constructor(
    private readonly states: LedgerStateSources,
    private readonly logKeys: LogKeyStateSource,
  ) {}

  onModuleInit(): void {
    this.states.register(this.logKeys);
  }

  static forRoot({ streamCheckMs, streamsPerClient }: StreamOptions): DynamicModule {
    return {
      module: LedgerApiModule,
      imports: [AnchorApiModule, AuthModule],
      controllers: [
        LogController,
        LogKeyController,
        LogStatisticsController,
        WitnessController,
        LedgerEntryController,
        EntryErasureController,
        LedgerStateController,
        DisclosureController,
        BreakGlassController,
        EventsController,
      ],
      providers: [
        { provide: StreamOptions, useValue: { streamCheckMs, streamsPerClient } },
        Authenticator,
        OpenLogRepository,
        OpenWitnessRepository,
        OwnEntryRepository,
        EntrySearchRepository,
        OpenLogQueries,
        LogKeyQueries,
        PublishedTrees,
        LogKeyStateSource,
        LogStatisticsRepository,
        LogStatisticsQuery,
        RotateLogKeyService,
        WitnessQueries,
        LedgerEntryQueries,
        ExportBundleService,
        EntryErasureRepository,
        EraseEntryService,
        ChainPositionRepository,
        ReadLedgerStateQuery,
        EntryProofs,
        DiscloseEntriesService,
        BreakGlassService,
        LedgerFeed,
        LogTail,
        FollowLogService,
      ],
    };
  }
}
