import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import type { Settings } from '#config';
import { DatabaseModule } from '#database';
import { type ManifestSigner, newSigningKeyPem, signerFromPem } from '#dataset';
import { freePort } from '#embedded';
import { KeyringModule } from '#keyring';
import { LedgerModule } from '#ledger';
import { MigrationWorkerModule, PLACEMENT_TOPIC, REMOVAL_TOPIC, VERIFICATION_TOPIC } from '#migration';
import { migrateQueue, QueueModule } from '#queue';
import { ClockModule, createLogger, NestLogger, TelemetryModule } from '#telemetry';
import { MigrationApi } from '../../apps/cli/src/migrate/migration-api.js';
import { SegmentTransfer } from '../../apps/cli/src/migrate/segment-transfer.js';
import { createData } from '../../apps/data/src/create-data.js';
import type { RootKey } from './request-signer.js';
import { startTestApi, type TestApi } from './test-api.js';

/** A running process of the stack that a test can stop and start again. */
export interface Part {
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** A tenant with what a client needs: credential, keys, a state folder. */
export interface MigrationTenant {
  id: string;
  apiKey: string;
  rootKey: RootKey;
  call: TestApi['operator'];
  api: MigrationApi;
  transfer: SegmentTransfer;
  identities: [string, string];
  recipients: [string, string];
  signer: ManifestSigner;
  stateFolder: string;
}

/** API, data process, worker and storage nodes on a database of their own. */
export interface MigrationStack {
  api: TestApi;
  data: Part;
  worker: Part;
  /** The folder of everything; storage node i is `nodes/<i>`. */
  folder: string;
  nodes: { id: string; location: string }[];
  dataUrl: string;
  tenant(): Promise<MigrationTenant>;
  close(): Promise<void>;
}

const silent = createLogger({ process: 'test', level: 'silent' });

@Module({})
class TestWorkerModule {
  static forRoot(settings: Settings, databaseUrl: string) {
    return {
      module: TestWorkerModule,
      imports: [
        DatabaseModule.forRoot({ url: databaseUrl, role: 'system', applicationName: 'freehold-worker', poolSize: 8 }),
        ClockModule.forRoot(),
        TelemetryModule.forRoot(silent),
        KeyringModule.forRoot(settings),
        LedgerModule.forRoot(settings),
        MigrationWorkerModule.forRoot(settings),
        QueueModule.forRoot({
          databaseUrl,
          topics: [PLACEMENT_TOPIC, VERIFICATION_TOPIC, REMOVAL_TOPIC],
          relay: { reofferMs: 1_000 },
          lockMs: 3_000,
          stalledCheckMs: 500,
        }),
      ],
    };
  }
}

/** @param nodeCount storage nodes to register, each in a failure domain of its own */
export async function startMigrationStack(nodeCount = 6): Promise<MigrationStack> {
  const folder = mkdtempSync(join(tmpdir(), 'freehold-migration-'));
  const dataPort = await freePort();
  const api = await startTestApi({
    FREEHOLD_DATA_PORT: String(dataPort),
    FREEHOLD_STAGING_DIR: join(folder, 'staging'),
  });
  const { settings, database } = api;
  const systemUrl = database.urls.freehold_system;
  await migrateQueue(database.urls.freehold_owner);

  const data = part(async () => {
    const app: NestFastifyApplication = await createData(settings, systemUrl, silent);
    await app.listen(dataPort, '127.0.0.1');
    return app;
  });
  const worker = part(() =>
    NestFactory.createApplicationContext(TestWorkerModule.forRoot(settings, systemUrl), {
      logger: new NestLogger(silent),
      abortOnError: false,
    }),
  );
  await data.start();
  await worker.start();

  const nodes: MigrationStack['nodes'] = [];
  for (let index = 0; index < nodeCount; index += 1) {
    const location = join(folder, 'nodes', String(index));
    const reply = await api.operator('POST', '/v1/system/storage-nodes', {
      name: `node ${index}`,
      location,
      failureDomain: `rack-${index}`,
    });
    if (reply.status !== 201) throw new Error(`no storage node: ${JSON.stringify(reply.body)}`);
    nodes.push({ id: reply.body.id, location });
  }

  const transfers: SegmentTransfer[] = [];
  let tenants = 0;
  return {
    api,
    data,
    worker,
    folder,
    nodes,
    dataUrl: `http://127.0.0.1:${dataPort}`,
    async tenant() {
      const { id, apiKey, rootKey, call } = await api.tenant();
      const identities: [string, string] = [await generateIdentity(), await generateIdentity()];
      const transfer = new SegmentTransfer();
      transfers.push(transfer);
      tenants += 1;
      return {
        id,
        apiKey,
        rootKey,
        call,
        api: new MigrationApi({ url: api.url, apiKey, patience: { forMs: 20_000 } }),
        transfer,
        identities,
        recipients: [await identityToRecipient(identities[0]), await identityToRecipient(identities[1])],
        signer: signerFromPem(newSigningKeyPem()),
        stateFolder: join(folder, `client-${tenants}`),
      };
    },
    async close() {
      for (const transfer of transfers) transfer.close();
      await worker.stop();
      await data.stop();
      await api.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function part(open: () => Promise<{ close(): Promise<void> }>): Part {
  let running: { close(): Promise<void> } | null = null;
  return {
    async start() {
      running ??= await open();
    },
    async stop() {
      const stopping = running;
      running = null;
      await stopping?.close();
    },
  };
}
