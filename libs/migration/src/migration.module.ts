import { availableParallelism } from 'node:os';
import { type DynamicModule, Module, type OnModuleInit } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import type { Tx } from '#database';
import type { Blocker, TenantId } from '#kernel';
import { ServiceKeys } from '#keyring';
import { LedgerStateSources } from '#ledger';
import { OperationsModule } from '#operations';
import { TenantContents, TenantSharedModule } from '#tenancy';
import { DatasetController } from './api/dataset.controller.js';
import { MigrationController } from './api/migration.controller.js';
import { SegmentTransferController } from './api/segment-transfer.controller.js';
import { StorageNodeController } from './api/storage-node.controller.js';
import { ChangeMigrationService } from './app/change-migration.service.js';
import { ChangeStorageNodeService } from './app/change-storage-node.service.js';
import { CreateDatasetService } from './app/create-dataset.service.js';
import { CreateMigrationService } from './app/create-migration.service.js';
import { DeleteDatasetService } from './app/delete-dataset.service.js';
import { IssueRestoreTicketService } from './app/issue-restore-ticket.service.js';
import { PlacementHandler, RemovalHandler, VerificationHandler } from './app/job-handlers.js';
import { MigrationQueries } from './app/migration.queries.js';
import { MigrationStateSource } from './app/migration-state.source.js';
import { PlaceSegmentService } from './app/place-segment.service.js';
import { ReadSegmentService } from './app/read-segment.service.js';
import { ReceiveSegmentService } from './app/receive-segment.service.js';
import { RegisterSegmentsService } from './app/register-segments.service.js';
import { RegisterStorageNodeService } from './app/register-storage-node.service.js';
import { RemoveDatasetService } from './app/remove-dataset.service.js';
import { SetDatasetKeyService } from './app/set-dataset-key.service.js';
import { SubmitManifestService } from './app/submit-manifest.service.js';
import { loadTicketSigner, TicketIssuer, TicketOptions } from './app/ticket-issuer.js';
import { VerifyMigrationService } from './app/verify-migration.service.js';
import { TicketSigner } from './domain/transfer-ticket.js';
import { DatasetEntity } from './infra/dataset.entity.js';
import { DatasetRepository } from './infra/dataset.repository.js';
import { ManifestRepository } from './infra/manifest.repository.js';
import { MigrationEntity } from './infra/migration.entity.js';
import { MigrationRepository } from './infra/migration.repository.js';
import { NodeStores } from './infra/node-stores.js';
import { RestoreSlots } from './infra/restore-slots.js';
import { SegmentRepository } from './infra/segment.repository.js';
import { ShardWorkers, ShardWorkersOptions } from './infra/shard-workers.js';
import { StagingArea, StagingOptions } from './infra/staging-area.js';
import { StorageNodeEntity } from './infra/storage-node.entity.js';
import { StorageNodeRepository } from './infra/storage-node.repository.js';

const entities = TypeOrmModule.forFeature([DatasetEntity, MigrationEntity, StorageNodeEntity]);
const repositories = [
  DatasetRepository,
  MigrationRepository,
  ManifestRepository,
  SegmentRepository,
  StorageNodeRepository,
  NodeStores,
];

/** Uploads that may wait for their placement before clients are asked to slow down. */
const STAGING_LIMIT_BYTES = 2 * 1024 ** 3;
/** One processor is left to the main thread; beyond four the nodes' disks are what is waited for. */
const SHARD_THREADS = Math.min(Math.max(availableParallelism() - 1, 1), 4);

function staging(stagingDir: string) {
  return [
    { provide: StagingOptions, useValue: { stagingDir, stagingLimitBytes: STAGING_LIMIT_BYTES } },
    {
      provide: StagingArea,
      useFactory: async () => {
        const area = new StagingArea(stagingDir);
        await area.prepare();
        return area;
      },
    },
  ];
}

const shardWorkers = [{ provide: ShardWorkersOptions, useValue: { shardThreads: SHARD_THREADS } }, ShardWorkers];

/** Datasets, migrations and storage nodes over HTTP: for the API process. Needs LedgerModule and KeyringModule. */
@Module({})
export class MigrationApiModule implements OnModuleInit {
  constructor(
    private readonly contents: TenantContents,
    private readonly datasets: DatasetRepository,
    private readonly states: LedgerStateSources,
    private readonly source: MigrationStateSource,
  ) {}

  static forRoot(options: TicketOptions): DynamicModule {
    return {
      module: MigrationApiModule,
      imports: [entities, TenantSharedModule, OperationsModule],
      controllers: [DatasetController, MigrationController, StorageNodeController],
      providers: [
        ...repositories,
        { provide: TicketOptions, useValue: { dataUrl: options.dataUrl.replace(/\/+$/, '') } },
        TicketIssuer,
        CreateDatasetService,
        SetDatasetKeyService,
        DeleteDatasetService,
        CreateMigrationService,
        ChangeMigrationService,
        RegisterSegmentsService,
        SubmitManifestService,
        IssueRestoreTicketService,
        RegisterStorageNodeService,
        ChangeStorageNodeService,
        MigrationQueries,
        MigrationStateSource,
      ],
    };
  }

  /** A tenant with datasets cannot be deleted; an audit asks for them. */
  onModuleInit(): void {
    this.states.register(this.source);
    this.contents.register((tx: Tx, tenantId: TenantId) => this.datasetBlockers(tx, tenantId));
  }

  private async datasetBlockers(tx: Tx, tenantId: TenantId): Promise<Blocker[]> {
    const ids = await this.datasets.ids(tx, tenantId);
    return ids.map((id) => ({ id, kind: 'dataset', fix: `DELETE /v1/datasets/${id}` }));
  }
}

/** The jobs that place segments, commit migrations and remove datasets: for the worker process, under the system role. */
@Module({})
export class MigrationWorkerModule {
  static forRoot(options: { stagingDir: string }): DynamicModule {
    return {
      module: MigrationWorkerModule,
      imports: [entities, OperationsModule],
      providers: [
        ...repositories,
        ...staging(options.stagingDir),
        ...shardWorkers,
        PlaceSegmentService,
        VerifyMigrationService,
        RemoveDatasetService,
        PlacementHandler,
        VerificationHandler,
        RemovalHandler,
      ],
      exports: [PlaceSegmentService, VerifyMigrationService, RemoveDatasetService],
    };
  }
}

/** Ciphertext in and out, with tickets: for the data process, under the system role. */
@Module({})
export class MigrationDataModule {
  static forRoot(options: { stagingDir: string }): DynamicModule {
    return {
      module: MigrationDataModule,
      imports: [entities],
      controllers: [SegmentTransferController],
      providers: [
        ...repositories,
        ...staging(options.stagingDir),
        ...shardWorkers,
        { provide: TicketSigner, inject: [ServiceKeys], useFactory: loadTicketSigner },
        { provide: RestoreSlots, useFactory: () => new RestoreSlots() },
        ReceiveSegmentService,
        ReadSegmentService,
      ],
    };
  }
}
