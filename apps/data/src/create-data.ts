import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import type { Settings } from '#config';
import { Database } from '#database';
import { createFastifyAdapter } from '#http';
import { HealthRegistry, type Logger, Metrics, NestLogger, observeRequests } from '#telemetry';
import { DataModule } from './data.module.js';

/** A segment of 16 MiB in this time takes 0.5 Mbit/s; whoever is slower holds a connection for nothing. */
const REQUEST_TIMEOUT_MS = 5 * 60_000;
/** How long a connection may be silent in the middle of a body. */
const SILENCE_TIMEOUT_MS = 30_000;

/** The data process, ready to listen. */
export async function createData(
  settings: Settings,
  databaseUrl: string,
  logger: Logger,
): Promise<NestFastifyApplication> {
  const adapter = createFastifyAdapter();
  const server = adapter.getInstance();
  // The body stays a stream; how long it may be is in the ticket.
  server.addContentTypeParser('application/octet-stream', (_request: FastifyRequest, body, done) => done(null, body));
  const app = await NestFactory.create<NestFastifyApplication>(
    DataModule.forRoot(settings, databaseUrl, logger),
    adapter,
    { logger: new NestLogger(logger), abortOnError: false, bodyParser: false },
  );
  app.enableShutdownHooks();
  server.server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.server.timeout = SILENCE_TIMEOUT_MS;
  observeRequests(server, logger, app.get(Metrics));
  const database = app.get(Database);
  app.get(HealthRegistry).register('database', () => database.query('SELECT 1'));
  await app.init();
  await server.ready();
  return app;
}
