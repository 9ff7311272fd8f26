import { type DynamicModule, Module } from '@nestjs/common';
import { HealthRegistry } from './health.js';
import type { Logger } from './logger.js';
import { Metrics } from './metrics.js';
import { TelemetryController } from './telemetry.controller.js';

/** The token under which the process's logger is injected. */
export const LOGGER = Symbol('logger');

/** Health, metrics and the logger for a whole process; serves /healthz, /readyz and /metrics on its HTTP server. */
@Module({})
export class TelemetryModule {
  static forRoot(logger: Logger): DynamicModule {
    return {
      module: TelemetryModule,
      global: true,
      controllers: [TelemetryController],
      providers: [HealthRegistry, Metrics, { provide: LOGGER, useValue: logger }],
      exports: [HealthRegistry, Metrics, LOGGER],
    };
  }
}
