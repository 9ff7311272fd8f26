import { Controller } from '@nestjs/common';
import type { PageRequest } from '#database';
import { BodyInput, Endpoint, Op, PathInput, pageView, QueryInput } from '#http';
import type { OpContext, WebhookId } from '#kernel';
import { type CreateWebhook, CreateWebhookService } from '../app/create-webhook.service.js';
import { RotateWebhookSecretService } from '../app/rotate-webhook-secret.service.js';
import { UpdateWebhookService } from '../app/update-webhook.service.js';
import { UseWebhookService } from '../app/use-webhook.service.js';
import { WebhookQueries } from '../app/webhook.queries.js';
import { WebhookEditor } from '../app/webhook-editor.js';
import * as schemas from './webhook.schemas.js';
import { deliveryView, testedWebhookView, webhookView, webhookWithSecretView } from './webhook.view.js';

interface OneWebhook {
  webhookId: WebhookId;
}

@Controller('v1/webhooks')
export class WebhookController {
  constructor(
    private readonly createWebhook: CreateWebhookService,
    private readonly updateWebhook: UpdateWebhookService,
    private readonly rotateSecret: RotateWebhookSecretService,
    private readonly use: UseWebhookService,
    private readonly editor: WebhookEditor,
    private readonly queries: WebhookQueries,
  ) {}

  @Endpoint({
    method: 'POST',
    summary: 'Create a webhook; the reply is the only place that shows its secret',
    description:
      'It is told of what is new from now on, at least once, in order, signed as in Standard Webhooks: docs/events-and-webhooks.md. Takes ledger:read as well.',
    permission: 'webhook:write',
    body: schemas.createWebhookSchema,
    reply: schemas.webhookWithSecret,
    view: webhookWithSecretView,
    secretField: 'secret',
  })
  create(@Op() op: OpContext, @BodyInput() input: CreateWebhook) {
    return this.createWebhook.execute(op, input);
  }

  @Endpoint({
    method: 'GET',
    summary: 'List webhooks',
    permission: 'webhook:read',
    query: schemas.listQuery,
    reply: schemas.webhookPage,
    view: pageView(webhookView),
  })
  list(@Op() op: OpContext, @QueryInput() page: PageRequest) {
    return this.queries.list(op, page);
  }

  @Endpoint({
    method: 'GET',
    path: ':webhookId',
    summary: 'Read a webhook and how far it has come',
    permission: 'webhook:read',
    params: schemas.webhookParams,
    reply: schemas.webhookSchema,
    view: webhookView,
  })
  get(@Op() op: OpContext, @PathInput() { webhookId }: OneWebhook) {
    return this.queries.get(op, webhookId);
  }

  @Endpoint({
    method: 'PATCH',
    path: ':webhookId',
    summary: 'Change a webhook; a message that waits for another attempt is tried at once',
    permission: 'webhook:write',
    params: schemas.webhookParams,
    body: schemas.updateWebhookSchema,
    reply: schemas.webhookReply,
    view: webhookView,
  })
  update(@Op() op: OpContext, @PathInput() { webhookId }: OneWebhook, @BodyInput() input: Partial<CreateWebhook>) {
    return this.updateWebhook.execute(op, webhookId, input);
  }

  @Endpoint({
    method: 'DELETE',
    path: ':webhookId',
    summary: 'Delete a webhook; nothing is delivered to it any more',
    permission: 'webhook:write',
    params: schemas.webhookParams,
    reply: schemas.webhookReply,
    view: webhookView,
  })
  delete(@Op() op: OpContext, @PathInput() { webhookId }: OneWebhook) {
    return this.editor.remove(op, webhookId);
  }

  @Endpoint({
    method: 'POST',
    path: ':webhookId/rotate-secret',
    summary: 'Give a webhook a new secret; the reply is the only place that shows it',
    status: 200,
    permission: 'webhook:write',
    params: schemas.webhookParams,
    body: schemas.rotateSecretSchema,
    reply: schemas.webhookWithSecret,
    view: webhookWithSecretView,
    secretField: 'secret',
  })
  rotate(
    @Op() op: OpContext,
    @PathInput() { webhookId }: OneWebhook,
    @BodyInput() { overlapHours }: { overlapHours: number },
  ) {
    return this.rotateSecret.execute(op, webhookId, overlapHours);
  }

  @Endpoint({
    method: 'POST',
    path: ':webhookId/test',
    summary: 'Send a test message, once, also to a webhook that is disabled',
    status: 202,
    permission: 'webhook:write',
    params: schemas.webhookParams,
    reply: schemas.testedWebhook,
    view: testedWebhookView,
  })
  test(@Op() op: OpContext, @PathInput() { webhookId }: OneWebhook) {
    return this.use.test(op, webhookId);
  }

  @Endpoint({
    method: 'POST',
    path: ':webhookId/replay',
    summary: 'Deliver again from an entry on, or go on behind what is not delivered yet',
    status: 202,
    permission: 'webhook:write',
    params: schemas.webhookParams,
    body: schemas.replaySchema,
    reply: schemas.webhookReply,
    view: webhookView,
  })
  replay(@Op() op: OpContext, @PathInput() { webhookId }: OneWebhook, @BodyInput() { fromSeq }: { fromSeq: number }) {
    return this.use.replay(op, webhookId, fromSeq);
  }

  @Endpoint({
    method: 'GET',
    path: ':webhookId/deliveries',
    summary: 'The last 200 attempts to deliver to a webhook, the newest first',
    permission: 'webhook:read',
    params: schemas.webhookParams,
    query: schemas.listQuery,
    reply: schemas.deliveryPage,
    view: pageView(deliveryView),
  })
  deliveries(@Op() op: OpContext, @PathInput() { webhookId }: OneWebhook, @QueryInput() page: PageRequest) {
    return this.queries.deliveriesOf(op, webhookId, page);
  }
}
