import { ConsoleLogger, type DynamicModule, Module } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { DatabaseModule, SystemUnitOfWork, type Tx, UnitOfWork } from '#database';
import { newId, type OpContext, type TenantId } from '#kernel';
import { KeyringModule } from '#keyring';
import { ClockModule } from '#telemetry';
import type { TestDatabase } from '../../../../test/support/embedded-database.js';
import { LedgerWriter } from '../app/ledger-writer.js';
import { Sequencer } from '../app/sequencer.js';
import { TenantChains } from '../app/tenant-chains.js';
import { AnchoredHeadSource } from '../domain/rollback-guard.js';
import { LedgerModule, SequencerModule, type SequencerModuleOptions } from '../ledger.module.js';

/** One process of a deployment as a test sees it: its own pool, caches and memory, on the test's database and files. */
export class LedgerProcess {
  private constructor(readonly module: TestingModule) {}

  static async api(database: TestDatabase, folder: string): Promise<LedgerProcess> {
    return new LedgerProcess(await compile(database, folder, 'api', []));
  }

  /** Not started: a test turns its sequencer by hand, or calls `module.init()`. */
  static async worker(
    database: TestDatabase,
    folder: string,
    anchored?: AnchoredHeadSource,
    witnesses: Partial<SequencerModuleOptions> = {},
  ): Promise<LedgerProcess> {
    const ledgerHeadFile = `${folder}/ledger-head.json`;
    const sequencer = SequencerModule.forRoot({ sequencerIntervalMs: 5, ledgerHeadFile, ...witnesses });
    const anchors = anchored ? [AnchorsModule.with(anchored)] : [];
    return new LedgerProcess(await compile(database, folder, 'system', [...anchors, sequencer]));
  }

  get writer(): LedgerWriter {
    return this.module.get(LedgerWriter);
  }

  get sequencer(): Sequencer {
    return this.module.get(Sequencer);
  }

  /** Opens a tenant's chain with its genesis entry, under the system role. */
  async openChain(tenantId: TenantId, viewKey: Uint8Array): Promise<void> {
    await this.module.get(SystemUnitOfWork).runAs(contextOf(tenantId), async (tx) => {
      const viewKeyCommitment = await this.module.get(TenantChains).open(tx, tenantId, viewKey);
      this.writer.append(tx, {
        class: 'system',
        action: 'tenant.genesis',
        resource: { type: 'tenant', id: tenantId, version: 1 },
        before: null,
        after: { viewKeyCommitment, rootPublicKey: null },
      });
    });
  }

  /** Changes `count` subnets of a tenant in one transaction, under the api role. */
  async change(tenantId: TenantId, count = 1, ctx: Partial<OpContext> = {}): Promise<string[]> {
    return this.module.get(UnitOfWork).run({ ...contextOf(tenantId), ...ctx }, async (tx: Tx) => {
      for (let at = 0; at < count; at++) this.writer.append(tx, subnetCreated(at));
      return tx.entries.map((entry) => entry.ledgerEntryId);
    });
  }

  close(): Promise<void> {
    return this.module.close();
  }
}

export function subnetCreated(at: number) {
  const id = newId('subnet');
  return {
    class: 'configuration' as const,
    action: 'subnet.created',
    resource: { type: 'subnet', id, version: 1 },
    before: null,
    after: { id, name: `subnet ${at}`, cidr: `10.0.${at % 256}.0/24` },
  };
}

export function contextOf(tenantId: TenantId): OpContext {
  return {
    actor: { type: 'user', id: newId('user'), keyId: newId('apiKey'), roles: ['tenant-owner'] },
    tenantId,
    requestId: newId('request'),
    permissions: new Set(['ledger:read']),
  };
}

@Module({})
class AnchorsModule {
  static with(anchored: AnchoredHeadSource): DynamicModule {
    const provider = { provide: AnchoredHeadSource, useValue: anchored };
    return { module: AnchorsModule, global: true, providers: [provider], exports: [provider] };
  }
}

/** The refusals under test are not news. */
class SilentLogger extends ConsoleLogger {
  override isLevelEnabled(): boolean {
    return false;
  }
}

function compile(
  database: TestDatabase,
  folder: string,
  role: 'api' | 'system',
  imports: DynamicModule[],
): Promise<TestingModule> {
  const url = role === 'api' ? database.urls.freehold_api : database.urls.freehold_system;
  return Test.createTestingModule({
    imports: [
      DatabaseModule.forRoot({ url, role, applicationName: `test-${role}`, poolSize: 8 }),
      ClockModule.forRoot(),
      KeyringModule.forRoot({ kekFile: `${folder}/kek` }),
      LedgerModule.forRoot({ promiseSeconds: 60 }),
      ...imports,
    ],
  })
    .setLogger(new SilentLogger())
    .compile();
}
