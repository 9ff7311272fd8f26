import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Settings } from '#config';
import { Database } from '#database';
import { createFastifyAdapter } from '#http';
import { DomainError } from '#kernel';
import { Anchorer, Sequencer, Witnessing } from '#ledger';
import { HealthRegistry, type Logger, Metrics, NestLogger, observeRequests } from '#telemetry';
import { WorkerModule, type WorkerServices } from './worker.module.js';

/** The worker at work, ready to listen for questions about its health. */
export async function createWorker(
  settings: Settings,
  services: WorkerServices,
  logger: Logger,
): Promise<NestFastifyApplication> {
  const app = await NestFactory.create<NestFastifyApplication>(
    WorkerModule.forRoot(settings, services, logger),
    createFastifyAdapter(),
    { logger: new NestLogger(logger), abortOnError: false, bodyParser: false },
  );
  app.enableShutdownHooks();
  observeRequests(app.getHttpAdapter().getInstance(), logger, app.get(Metrics));
  observeLedger(app);
  const database = app.get(Database);
  app.get(HealthRegistry).register('database', () => database.query('SELECT 1'));
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  return app;
}

/**
 * A sequencer that has halted makes the worker unready: entries wait, and an operator has to decide. A chain that is away
 * does not: everything else goes on, and the anchors are made up for; it shows in the metrics.
 */
function observeLedger(app: NestFastifyApplication): void {
  const sequencer = app.get(Sequencer);
  const anchorer = app.get(Anchorer);
  app.get(HealthRegistry).register('sequencer', async () => {
    const status = sequencer.status();
    if (status.state === 'halted') throw new DomainError('unavailable', 'SequencerHalted', status.reason);
  });
  const states = {
    sequencer: () => sequencer.status().state,
    anchorer: () => anchorer.status().state,
  };
  app.get(Metrics).gauge({
    name: 'ledger_part_state',
    help: '1 for the state that each part of the ledger is in.',
    labelNames: ['part', 'state'],
    collect() {
      this.reset();
      for (const [part, state] of Object.entries(states)) this.set({ part, state: state() }, 1);
    },
  });
  const witnessing = app.get(Witnessing);
  app.get(Metrics).gauge({
    name: 'ledger_witness_state',
    help: '1 for the state that each witness of the log is in, as this worker sees it.',
    labelNames: ['witness', 'state'],
    collect() {
      this.reset();
      for (const { name, state } of witnessing.states()) this.set({ witness: name, state }, 1);
    },
  });
}
