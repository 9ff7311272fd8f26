import { type DynamicModule, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Database } from './database.js';
import { Outbox } from './outbox.js';
import { SystemUnitOfWork, UnitOfWork } from './unit-of-work.js';

export interface DatabaseModuleOptions {
  url: string;
  /** Which unit of work the process may use: `api` is bound to one tenant at a time, `system` sees all. */
  role: 'api' | 'system';
  applicationName: string;
  poolSize?: number;
}

/** The process's one connection pool, under one role, and the units of work over it. */
@Module({})
export class DatabaseModule {
  static forRoot(options: DatabaseModuleOptions): DynamicModule {
    const unit = options.role === 'api' ? UnitOfWork : SystemUnitOfWork;
    return {
      module: DatabaseModule,
      global: true,
      imports: [
        TypeOrmModule.forRoot({
          type: 'postgres',
          url: options.url,
          autoLoadEntities: true,
          retryAttempts: 3,
          verboseRetryLog: false,
          retryDelay: 1_000,
          synchronize: false,
          logging: false,
          poolSize: options.poolSize ?? 16,
          extra: {
            // Statements that are not waited for go out together (Tx.pipeline).
            pipeline: true,
            application_name: options.applicationName,
            connectionTimeoutMillis: 10_000,
            statement_timeout: 30_000,
            lock_timeout: 10_000,
            // A process that was stopped in a transaction must not keep its locks: whoever waits for one gives up by then.
            idle_in_transaction_session_timeout: 10_000,
          },
        }),
      ],
      providers: [unit, Outbox, Database],
      exports: [unit, Outbox, Database, TypeOrmModule],
    };
  }
}
