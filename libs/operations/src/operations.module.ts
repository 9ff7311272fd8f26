import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { OperationController } from './api/operation.controller.js';
import { OperationQueries } from './app/operation.queries.js';
import { Operations } from './app/operations.js';
import { WatchOperationService, WatchOptions } from './app/watch-operation.service.js';
import { OperationEntity } from './infra/operation.entity.js';
import { OperationRepository } from './infra/operation.repository.js';

const WATCHING: WatchOptions = { pollMs: 250, heartbeatMs: 15_000, longestMs: 600_000, streamsPerTenant: 32 };

/** What a feature imports to report on its long-running actions, in the API and in workers. */
@Module({
  imports: [TypeOrmModule.forFeature([OperationEntity])],
  providers: [OperationRepository, Operations],
  exports: [OperationRepository, Operations],
})
export class OperationsModule {}

/** Operations over HTTP: for the API process. */
@Module({
  imports: [OperationsModule],
  controllers: [OperationController],
  providers: [OperationQueries, WatchOperationService, { provide: WatchOptions, useValue: WATCHING }],
})
export class OperationsApiModule {}
