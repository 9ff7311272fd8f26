import { setTimeout as delay } from 'node:timers/promises';
import { ConsoleLogger } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { DatabaseModule, SystemUnitOfWork } from '#database';
import type { TenantId } from '#kernel';
import { KeyringModule } from '#keyring';
import { ClockModule } from '#telemetry';
import type { TestDatabase } from '../../../../test/support/embedded-database.js';
import { AnchoringModule, type AnchoringModuleOptions } from '../anchoring.module.js';
import { Anchorer } from '../app/anchorer.js';
import { LedgerWriter } from '../app/ledger-writer.js';
import { Sequencer } from '../app/sequencer.js';
import { TenantChains } from '../app/tenant-chains.js';
import { LedgerModule, SequencerModule } from '../ledger.module.js';
import { contextOf, subnetCreated } from './ledger-process.js';

/** A worker with a sequencer and an anchorer, as a test sees it. Not started: the test turns both by hand. */
export class AnchorProcess {
  private constructor(readonly module: TestingModule) {}

  static async open(
    database: TestDatabase,
    folder: string,
    options: Partial<AnchoringModuleOptions> & { chainUrl: string },
  ): Promise<AnchorProcess> {
    const module = await Test.createTestingModule({
      imports: [
        DatabaseModule.forRoot({
          url: database.urls.freehold_system,
          role: 'system',
          applicationName: 'test',
          poolSize: 6,
        }),
        ClockModule.forRoot(),
        KeyringModule.forRoot({ kekFile: `${folder}/kek` }),
        LedgerModule.forRoot({ promiseSeconds: 60 }),
        AnchoringModule.forRoot({
          chainFinality: { kind: 'dev' },
          anchorSigners: { required: 1, total: 1 },
          anchorIntervalMs: 0,
          anchorImmediateIntervalMs: 0,
          anchorPromiseSeconds: 3_600,
          ...options,
        }),
        SequencerModule.forRoot({ sequencerIntervalMs: 5, ledgerHeadFile: `${folder}/ledger-head.json` }),
      ],
    })
      .setLogger(new SilentLogger())
      .compile();
    return new AnchorProcess(module);
  }

  get anchorer(): Anchorer {
    return this.module.get(Anchorer);
  }

  async openChain(tenantId: TenantId): Promise<void> {
    await this.module
      .get(SystemUnitOfWork)
      .runAs(contextOf(tenantId), (tx) => this.module.get(TenantChains).open(tx, tenantId, new Uint8Array(32)));
  }

  async record(tenantId: TenantId, count = 1): Promise<void> {
    await this.module.get(SystemUnitOfWork).runAs(contextOf(tenantId), async (tx) => {
      for (let at = 0; at < count; at += 1) this.module.get(LedgerWriter).append(tx, subnetCreated(at));
    });
  }

  /** Records `count` entries and publishes a checkpoint over them, where no sequencer runs by itself. */
  async publish(tenantId: TenantId, count = 1): Promise<void> {
    await this.record(tenantId, count);
    await this.module.get(Sequencer).tick();
  }

  /** Turns the anchorer until nothing is left to do. */
  async anchorAll(timeoutMs = 30_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while ((await this.anchorer.tick()).state !== 'idle') {
      if (Date.now() > deadline) throw new Error(`not anchored in ${timeoutMs} ms`);
      await delay(10);
    }
  }

  close(): Promise<void> {
    return this.module.close();
  }
}

/** The refusals under test are not news. */
class SilentLogger extends ConsoleLogger {
  override isLevelEnabled(): boolean {
    return false;
  }
}
