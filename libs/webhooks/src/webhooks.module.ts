import { type DynamicModule, Module, type OnModuleInit } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import type { Tx } from '#database';
import type { Blocker, TenantId } from '#kernel';
import { LedgerFeedModule, LedgerStateSources } from '#ledger';
import { TenantContents, TenantSharedModule } from '#tenancy';
import { WebhookController } from './api/webhook.controller.js';
import { CreateWebhookService } from './app/create-webhook.service.js';
import { DeliverWebhookService, DeliveryOptions } from './app/deliver-webhook.service.js';
import { NextMessageService } from './app/next-message.js';
import { RotateWebhookSecretService } from './app/rotate-webhook-secret.service.js';
import { UpdateWebhookService } from './app/update-webhook.service.js';
import { UseWebhookService } from './app/use-webhook.service.js';
import { WebhookQueries } from './app/webhook.queries.js';
import { WebhookDeliveryHandler } from './app/webhook-delivery.handler.js';
import { WebhookDispatcher } from './app/webhook-dispatcher.js';
import { WebhookEditor } from './app/webhook-editor.js';
import { WebhookSecrets } from './app/webhook-secrets.js';
import { WebhookStateSource } from './app/webhook-state.source.js';
import { DeliveryRepository } from './infra/delivery.repository.js';
import { DueWebhooksRepository } from './infra/due-webhooks.repository.js';
import { ProgressRepository } from './infra/progress.repository.js';
import { WebhookEntity } from './infra/webhook.entity.js';
import { WebhookRepository } from './infra/webhook.repository.js';

const entities = TypeOrmModule.forFeature([WebhookEntity]);
const repositories = [WebhookRepository, ProgressRepository, DeliveryRepository];

/** Webhooks over HTTP: for the API process. Needs LedgerModule, KeyringModule and EgressModule. */
@Module({
  imports: [entities, TenantSharedModule],
  controllers: [WebhookController],
  providers: [
    ...repositories,
    WebhookSecrets,
    WebhookEditor,
    CreateWebhookService,
    UpdateWebhookService,
    RotateWebhookSecretService,
    UseWebhookService,
    WebhookQueries,
    WebhookStateSource,
  ],
})
export class WebhooksApiModule implements OnModuleInit {
  constructor(
    private readonly contents: TenantContents,
    private readonly webhooks: WebhookRepository,
    private readonly states: LedgerStateSources,
    private readonly source: WebhookStateSource,
  ) {}

  /** A tenant with webhooks cannot be deleted; what it has of them is what its ledger tells. */
  onModuleInit(): void {
    this.states.register(this.source);
    this.contents.register((tx: Tx, tenantId: TenantId) => this.blockers(tx, tenantId));
  }

  private async blockers(tx: Tx, tenantId: TenantId): Promise<Blocker[]> {
    const ids = await this.webhooks.ids(tx, tenantId);
    return ids.map((id) => ({ id, kind: 'webhook', fix: `DELETE /v1/webhooks/${id}` }));
  }
}

/** The jobs that deliver: for the worker process, under the system role. Needs LedgerModule, KeyringModule and EgressModule. */
@Module({})
export class WebhooksWorkerModule {
  static forRoot({ webhookTimeoutMs, webhookRetryMs, webhookGiveUpHours }: DeliveryOptions): DynamicModule {
    return {
      module: WebhooksWorkerModule,
      imports: [entities, LedgerFeedModule],
      providers: [
        ...repositories,
        { provide: DeliveryOptions, useValue: { webhookTimeoutMs, webhookRetryMs, webhookGiveUpHours } },
        DueWebhooksRepository,
        WebhookSecrets,
        NextMessageService,
        DeliverWebhookService,
        WebhookDeliveryHandler,
        WebhookDispatcher,
      ],
      exports: [DeliverWebhookService],
    };
  }
}
