import { type DynamicModule, Module } from '@nestjs/common';
import { Database } from '#database';
import { Clock, SystemClock } from '#kernel';
import { ServiceKeys } from '#keyring';
import { LedgerWriter, LedgerWriterOptions } from './app/ledger-writer.js';
import { TenantChains } from './app/tenant-chains.js';
import { LedgerEntryRepository } from './infra/ledger-entry.repository.js';
import { LogIdentity } from './infra/log-identity.js';
import { TenantChainRepository } from './infra/tenant-chain.repository.js';

export interface LedgerModuleOptions {
  /** How long the log has to include an entry, in seconds. */
  promiseSeconds: number;
}

/** Recording for every process. Needs DatabaseModule and KeyringModule, which are global. */
@Module({})
export class LedgerModule {
  static forRoot(options: LedgerModuleOptions): DynamicModule {
    return {
      module: LedgerModule,
      global: true,
      providers: [
        { provide: LedgerWriterOptions, useValue: options },
        { provide: Clock, useClass: SystemClock },
        {
          provide: LogIdentity,
          inject: [Database, ServiceKeys],
          useFactory: (database: Database, keys: ServiceKeys) => LogIdentity.load(database, keys),
        },
        LedgerEntryRepository,
        TenantChainRepository,
        LedgerWriter,
        TenantChains,
      ],
      exports: [LedgerWriter, TenantChains, LogIdentity],
    };
  }
}
