import {
  type BeforeApplicationShutdown,
  type DynamicModule,
  Inject,
  Module,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { DiscoveryModule, DiscoveryService } from '@nestjs/core';
import { Database } from '#database';
import { HealthRegistry, LOGGER, type Logger, Metrics } from '#telemetry';
import { type JobProcessor, jobHandlerOptions } from './job-handler.js';
import type { RunningHandler } from './job-runner.js';
import { type QueueOptions, QueueRuntime } from './queue-runtime.js';

const QUEUE_OPTIONS = Symbol('queue-options');

/**
 * Jobs for a worker process. Starts when the whole application is put together, with every provider marked `@JobHandler`,
 * and stops before the database is closed. Needs DatabaseModule (role system) and TelemetryModule.
 */
@Module({})
export class QueueModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly runtime: QueueRuntime;

  constructor(
    private readonly discovery: DiscoveryService,
    @Inject(QUEUE_OPTIONS) options: QueueOptions,
    @Inject(LOGGER) logger: Logger,
    database: Database,
    metrics: Metrics,
    health: HealthRegistry,
  ) {
    this.runtime = new QueueRuntime(options, { database, logger, metrics, health });
  }

  static forRoot(options: QueueOptions): DynamicModule {
    return {
      module: QueueModule,
      imports: [DiscoveryModule],
      providers: [{ provide: QUEUE_OPTIONS, useValue: options }],
    };
  }

  onApplicationBootstrap(): Promise<void> {
    return this.runtime.start(this.handlers());
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.runtime.stop();
  }

  private handlers(): RunningHandler[] {
    return this.discovery.getProviders().flatMap(({ instance, metatype }) => {
      const options = jobHandlerOptions(metatype);
      return options && instance ? [{ ...options, processor: instance as JobProcessor }] : [];
    });
  }
}
