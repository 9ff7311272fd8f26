import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Settings } from '#config';
import { Database } from '#database';
import { createFastifyAdapter } from '#http';
import { HealthRegistry, type Logger, Metrics, NestLogger, observeRequests } from '#telemetry';
import { apiDescription } from './api-description.js';
import { ApiModule } from './app.module.js';
import { serveDocs } from './docs-pages.js';
import { serveLogPage } from './log-page.js';

/** The API, ready to listen. */
export async function createApi(
  settings: Settings,
  databaseUrl: string,
  logger: Logger,
): Promise<NestFastifyApplication> {
  const module = ApiModule.forRoot(settings, databaseUrl, logger);
  const app = await NestFactory.create<NestFastifyApplication>(module, createFastifyAdapter(), {
    logger: new NestLogger(logger),
    abortOnError: false,
    bodyParser: false,
  });
  app.enableShutdownHooks();
  observeRequests(app.getHttpAdapter().getInstance(), logger, app.get(Metrics));
  const database = app.get(Database);
  app.get(HealthRegistry).register('database', () => database.query('SELECT 1'));
  serveDocs(app, apiDescription(module));
  serveLogPage(app);
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  return app;
}
