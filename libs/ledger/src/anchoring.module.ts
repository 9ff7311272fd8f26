import { type DynamicModule, Module } from '@nestjs/common';
import { AnchorChain, type FinalityChoice, finalityOf } from '#chain';
import { ServiceKeys } from '#keyring';
import { AnchorController, AnchorPromiseController } from './api/anchor.controller.js';
import { AnchorQueries } from './app/anchor.queries.js';
import { Anchorer, AnchorerOptions } from './app/anchorer.js';
import { CatchUpAnchorsService } from './app/catch-up-anchors.service.js';
import { PlaceAnchorService } from './app/place-anchor.service.js';
import { PrepareAnchorLogService } from './app/prepare-anchor-log.service.js';
import { AnchorPromiseOptions, PromiseAnchorsService } from './app/promise-anchors.service.js';
import { ProveAnchorsService } from './app/prove-anchors.service.js';
import { PublishedHeadCheck } from './app/published-head-check.js';
import { SendAnchorsService } from './app/send-anchors.service.js';
import { SettleAnchorsService } from './app/settle-anchors.service.js';
import { StoreAnchorTransactionService } from './app/store-anchor-transaction.service.js';
import { AnchorDirectory } from './domain/anchor-directory.js';
import { AnchoredHeadSource } from './domain/rollback-guard.js';
import { AnchorRepository } from './infra/anchor.repository.js';
import { AnchorDeploymentRepository } from './infra/anchor-deployment.repository.js';
import { AnchorKeys, type AnchorQuorum } from './infra/anchor-keys.js';
import { AnchorLock } from './infra/anchor-lock.js';
import { AnchorPromiseRepository } from './infra/anchor-promise.repository.js';
import { AnchorProofRepository } from './infra/anchor-proof.repository.js';
import { AnchorTransactionRepository } from './infra/anchor-transaction.repository.js';
import { ChainAnchoredHead } from './infra/chain-anchored-head.js';
import { LogRepository } from './infra/log.repository.js';
import { StoredAnchorDirectory } from './infra/stored-anchor-directory.js';

export interface AnchoringModuleOptions {
  /** JSON-RPC endpoint of the chain. */
  chainUrl: string;
  chainFinality: FinalityChoice;
  anchorSigners: AnchorQuorum;
  anchorIntervalMs: number;
  /** The least time between two anchors that were asked for at once. */
  anchorImmediateIntervalMs: number;
  /** How long the operator has to anchor a published head; 0 promises nothing. */
  anchorPromiseSeconds: number;
}

/**
 * Anchoring, for worker processes alone: it starts with the application and stops with it. Needs LedgerModule and the
 * system role. Global, because the sequencer asks its AnchoredHeadSource.
 */
@Module({})
export class AnchoringModule {
  /** @throws Error when promises would be given that the interval alone breaks */
  static forRoot(options: AnchoringModuleOptions): DynamicModule {
    const { chainUrl, chainFinality, anchorSigners, anchorIntervalMs, anchorPromiseSeconds } = options;
    if (anchorPromiseSeconds > 0 && anchorPromiseSeconds * 1000 < 2 * anchorIntervalMs) {
      throw new Error(
        `anchors are promised within ${anchorPromiseSeconds} s and made every ${anchorIntervalMs} ms: FREEHOLD_ANCHOR_PROMISE_SECONDS must be at least twice the interval, or 0`,
      );
    }
    return {
      module: AnchoringModule,
      global: true,
      providers: [
        {
          provide: AnchorerOptions,
          useValue: { intervalMs: anchorIntervalMs, urgentIntervalMs: options.anchorImmediateIntervalMs },
        },
        { provide: AnchorPromiseOptions, useValue: { promiseSeconds: anchorPromiseSeconds } },
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
        AnchorPromiseRepository,
        AnchorProofRepository,
        LogRepository,
        PublishedHeadCheck,
        PromiseAnchorsService,
        ProveAnchorsService,
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
  controllers: [AnchorController, AnchorPromiseController],
  providers: [...anchorDirectory, AnchorQueries],
  exports: [AnchorDirectory],
})
export class AnchorApiModule {}
