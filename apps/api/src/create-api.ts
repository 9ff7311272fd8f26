import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule } from '@nestjs/swagger';
import type { Settings } from '#config';
import { Database } from '#database';
import { createFastifyAdapter, OpenApiDocument } from '#http';
import { HealthRegistry, type Logger, Metrics, NestLogger, observeRequests } from '#telemetry';
import { ApiModule } from './app.module.js';

export const API_INFO = {
  title: 'Freehold',
  version: '1',
  description:
    'A private-cloud control plane: isolated tenant networks and encrypted data moves, with every change in a ledger that nobody can rewrite unseen.',
};

/** The API, ready to listen. */
export async function createApi(
  settings: Settings,
  databaseUrl: string,
  logger: Logger,
): Promise<NestFastifyApplication> {
  const app = await NestFactory.create<NestFastifyApplication>(
    ApiModule.forRoot(settings, databaseUrl, logger),
    createFastifyAdapter(),
    { logger: new NestLogger(logger), abortOnError: false },
  );
  app.enableShutdownHooks();
  observeRequests(app.getHttpAdapter().getInstance(), logger, app.get(Metrics));
  const database = app.get(Database);
  app.get(HealthRegistry).register('database', () => database.query('SELECT 1'));
  const document = app.get(OpenApiDocument).build(API_INFO);
  SwaggerModule.setup('docs', app, document as never, {
    jsonDocumentUrl: 'openapi.json',
    yamlDocumentUrl: 'openapi.yaml',
  });
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  return app;
}
