import { type DynamicModule, Module } from '@nestjs/common';
import { AnchorChain, type FinalityChoice, finalityOf } from '#chain';
import { ServiceKeys } from '#keyring';
import { AnchorController } from './api/anchor.controller.js';
import { AnchorQueries } from './app/anchor.queries.js';
import { Anchorer, AnchorerOptions } from './app/anchorer.js';
import { CatchUpAnchorsService } from './app/catch-up-anchors.service.js';
import { PlaceAnchorService } from './app/place-anchor.service.js';
import { PrepareAnchorLogService } from './app/prepare-anchor-log.service.js';
import { SendAnchorsService } from './app/send-anchors.service.js';
import { SettleAnchorsService } from './app/settle-anchors.service.js';
import { StoreAnchorTransactionService } from './app/store-anchor-transaction.service.js';
import { AnchorDirectory } from './domain/anchor-directory.js';
import { AnchoredHeadSource } from './domain/rollback-guard.js';
import { AnchorRepository } from './infra/anchor.repository.js';
import { AnchorDeploymentRepository } from './infra/anchor-deployment.repository.js';
import { AnchorKeys, type AnchorQuorum } from './infra/anchor-keys.js';
import { AnchorLock } from './infra/anchor-lock.js';
import { AnchorTransactionRepository } from './infra/anchor-transaction.repository.js';
import { ChainAnchoredHead } from './infra/chain-anchored-head.js';
import { StoredAnchorDirectory } from './infra/stored-anchor-directory.js';

export interface AnchoringModuleOptions {
  /** JSON-RPC endpoint of the chain. */
  chainUrl: string;
  chainFinality: FinalityChoice;
  anchorSigners: AnchorQuorum;
  anchorIntervalMs: number;
}

/**
 * Anchoring, for worker processes alone: it starts with the application and stops with it. Needs LedgerModule and the
 * system role. Global, because the sequencer asks its AnchoredHeadSource.
 */
@Module({})
export class AnchoringModule {
  static forRoot({ chainUrl, chainFinality, anchorSigners, anchorIntervalMs }: AnchoringModuleOptions): DynamicModule {
    return {
      module: AnchoringModule,
      global: true,
      providers: [
        { provide: AnchorerOptions, useValue: { intervalMs: anchorIntervalMs } },
        {
          provide: AnchorChain,
          useFactory: () => new AnchorChain({ url: chainUrl, finality: finalityOf(chainFinality) }),
        },
        {
          provide: AnchorKeys,
          inject: [ServiceKeys],
          useFactory: (keys: ServiceKeys) => AnchorKeys.load(keys, anchorSigners),
        },
        { provide: AnchoredHeadSource, useClass: ChainAnchoredHead },
        AnchorLock,
        AnchorRepository,
        AnchorDeploymentRepository,
        AnchorTransactionRepository,
        StoreAnchorTransactionService,
        PrepareAnchorLogService,
        PlaceAnchorService,
        CatchUpAnchorsService,
        SendAnchorsService,
        SettleAnchorsService,
        Anchorer,
      ],
      exports: [AnchoredHeadSource, Anchorer],
    };
  }
}

/** The stored anchors, for whoever reads them. */
export const anchorDirectory = [
  StoredAnchorDirectory,
  { provide: AnchorDirectory, useExisting: StoredAnchorDirectory },
];

/** The anchors over HTTP and for receipts. For the API process. */
@Module({
  controllers: [AnchorController],
  providers: [...anchorDirectory, AnchorQueries],
  exports: [AnchorDirectory],
})
export class AnchorApiModule {}
