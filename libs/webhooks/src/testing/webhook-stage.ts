import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import pg from 'pg';
import type { Settings } from '#config';
import { DatabaseModule } from '#database';
import { EgressModule } from '#egress';
import { KeyringModule } from '#keyring';
import { LedgerModule, SequencerModule } from '#ledger';
import { migrateQueue, QueueModule } from '#queue';
import { ClockModule, createLogger, type Logger, NestLogger, TelemetryModule } from '#telemetry';
import { startTestApi, type TestApi, type TestReply } from '../../../../test/support/test-api.js';
import { until } from '../../../../test/support/until.js';
import { DeliverWebhookService } from '../app/deliver-webhook.service.js';
import { WEBHOOK_TOPIC, WebhooksWorkerModule } from '../index.js';

/** A worker that sequences and delivers, and nothing else. */
export interface TestWorker {
  /** Does the job of a webhook's key here and now, whoever else has it. */
  deliver(key: string): Promise<void>;
  stop(): Promise<void>;
}

/** A tenant of the stage and what is asked most of it. */
export interface StageTenant {
  id: string;
  apiKey: string;
  call: TestApi['operator'];
  /** Creates a webhook that must be accepted; its id and its secret. */
  webhook(input: Record<string, unknown>): Promise<{ id: string; secret: string }>;
  /** Makes an entry for each, and gives their ids. */
  entries(count: number): Promise<string[]>;
  read(id: string): Promise<TestReply['body']>;
  deliveries(id: string): Promise<TestReply['body'][]>;
}

const silent = createLogger({ process: 'test', level: 'silent' });

@Module({})
class TestWorkerModule {
  static forRoot(settings: Settings, databaseUrl: string, logger: Logger) {
    return {
      module: TestWorkerModule,
      imports: [
        DatabaseModule.forRoot({ url: databaseUrl, role: 'system', applicationName: 'freehold-worker', poolSize: 8 }),
        ClockModule.forRoot(),
        TelemetryModule.forRoot(logger),
        KeyringModule.forRoot(settings),
        LedgerModule.forRoot(settings),
        SequencerModule.forRoot(settings),
        EgressModule.forRoot(settings),
        WebhooksWorkerModule.forRoot(settings),
        QueueModule.forRoot({
          databaseUrl,
          topics: [WEBHOOK_TOPIC],
          relay: { reofferMs: 300, busyMs: 10, idleMs: 50 },
          lockMs: 2_000,
          stalledCheckMs: 300,
        }),
      ],
    };
  }
}

/** API and workers on a database of their own, for webhooks to receivers on loopback. */
export class WebhookStage {
  private readonly workers = new Set<TestWorker>();

  private constructor(
    readonly api: TestApi,
    readonly admin: pg.Pool,
  ) {}

  /** @param environment further settings */
  static async open(environment: Record<string, string> = {}): Promise<WebhookStage> {
    const api = await startTestApi({
      FREEHOLD_EGRESS_ALLOW: '127.0.0.0/8',
      FREEHOLD_EGRESS_HTTP: 'allow',
      FREEHOLD_WEBHOOK_TIMEOUT_MS: '20000',
      FREEHOLD_WEBHOOK_RETRY_MS: '20',
      FREEHOLD_SEQUENCER_INTERVAL_MS: '20',
      ...environment,
    });
    await migrateQueue(api.database.urls.freehold_owner);
    return new WebhookStage(api, new pg.Pool({ connectionString: api.database.adminUrl, max: 2 }));
  }

  async startWorker(logger: Logger = silent): Promise<TestWorker> {
    const { settings, database } = this.api;
    const app = await NestFactory.createApplicationContext(
      TestWorkerModule.forRoot(settings, database.urls.freehold_system, logger),
      { logger: new NestLogger(logger), abortOnError: false },
    );
    const worker: TestWorker = {
      deliver: (key) => app.get(DeliverWebhookService, { strict: false }).execute(key, new AbortController().signal),
      stop: async () => {
        if (this.workers.delete(worker)) await app.close();
      },
    };
    this.workers.add(worker);
    return worker;
  }

  async tenant(): Promise<StageTenant> {
    const { id, apiKey, call } = await this.api.tenant();
    return {
      id,
      apiKey,
      call,
      async webhook(input) {
        const reply = await call('POST', '/v1/webhooks', input);
        if (reply.status !== 201) throw new Error(`no webhook: ${JSON.stringify(reply.body)}`);
        return { id: reply.body.id, secret: reply.body.secret };
      },
      async entries(count) {
        const ids: string[] = [];
        for (let at = 0; at < count; at += 1) {
          const reply = await call('POST', '/v1/users', { name: `user ${at} ${Math.random()}`, roles: ['viewer'] });
          if (reply.status !== 201) throw new Error(`no entry: ${JSON.stringify(reply.body)}`);
          ids.push(reply.body.ledgerEntryId);
        }
        return ids;
      },
      read: async (webhookId) => (await call('GET', `/v1/webhooks/${webhookId}`)).body,
      deliveries: async (webhookId) => (await call('GET', `/v1/webhooks/${webhookId}/deliveries`)).body.items,
    };
  }

  /** The chain of a tenant as it is published, by number. */
  async chain(tenant: StageTenant): Promise<TestReply['body'][]> {
    return (await tenant.call('GET', '/v1/ledger/entries')).body.items;
  }

  async published(tenant: StageTenant, entryId: string): Promise<number> {
    let seq = 0;
    await until(`${entryId} is published`, async () => {
      const { body } = await tenant.call('GET', `/v1/ledger/entries/${entryId}`);
      seq = body.tenantSeq ?? 0;
      return body.state !== 'recorded';
    });
    return seq;
  }

  async close(): Promise<void> {
    for (const worker of [...this.workers]) await worker.stop();
    await this.admin.end();
    await this.api.close();
  }
}
