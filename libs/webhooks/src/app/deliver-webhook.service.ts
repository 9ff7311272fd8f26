import { Injectable } from '@nestjs/common';
import { Outbox, SystemUnitOfWork, type Tx } from '#database';
import { Egress } from '#egress';
import { Clock, newId, type OpContext, type TenantId } from '#kernel';
import { LedgerWriter } from '#ledger';
import { Metrics } from '#telemetry';
import { type Attempt, afterFailure, attemptOf, type RetryRules } from '../domain/delivery-outcome.js';
import { messageBody } from '../domain/webhook-event.js';
import { signedHeaders } from '../domain/webhook-signature.js';
import { DeliveryRepository } from '../infra/delivery.repository.js';
import { type Progress, ProgressRepository, type WebhookRef } from '../infra/progress.repository.js';
import type { WebhookEntity } from '../infra/webhook.entity.js';
import { WebhookRepository } from '../infra/webhook.repository.js';
import { type NextMessage, NextMessageService } from './next-message.js';
import { parseWebhookKey, WEBHOOK_TOPIC } from './topics.js';
import { webhookRecord } from './webhook-records.js';
import { WebhookSecrets } from './webhook-secrets.js';

export abstract class DeliveryOptions {
  /** How long one attempt may take, in milliseconds. */
  abstract readonly webhookTimeoutMs: number;
  abstract readonly webhookRetryMs: number;
  abstract readonly webhookGiveUpHours: number;
}

/** A job makes room for others after so long; the webhook is served again in its turn. */
const LONGEST_SERVICE_MS = 20_000;
const HOUR_MS = 3_600_000;

/** A message that is to be sent, with all that it takes. */
interface Sending extends NextMessage {
  webhook: WebhookEntity;
  attempt: number;
}

/** What became of it. */
interface Sent extends Sending {
  outcome: Attempt;
  retryAfterSeconds: number | null;
}

/** A webhook in the hands of this worker, until that time of this process's own clock. */
interface Lease extends WebhookRef {
  key: string;
  epoch: number;
  until: number;
}

/**
 * Delivers to one webhook, one message after the other. Between two messages is one transaction: it records what became of
 * the last and reads the next, under the webhook's row lock and the epoch of the lease. So a worker that was stopped, or
 * taken for dead, records nothing when it wakes; what it has sent is sent again by the next, under the same id.
 */
@Injectable()
export class DeliverWebhookService {
  private readonly rules: RetryRules;
  private readonly leaseMs: number;
  private readonly attempts;

  constructor(
    private readonly uow: SystemUnitOfWork,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly egress: Egress,
    private readonly webhooks: WebhookRepository,
    private readonly progress: ProgressRepository,
    private readonly deliveries: DeliveryRepository,
    private readonly next: NextMessageService,
    private readonly secrets: WebhookSecrets,
    private readonly ledger: LedgerWriter,
    metrics: Metrics,
    private readonly options: DeliveryOptions,
  ) {
    this.rules = { firstRetryMs: options.webhookRetryMs, giveUpMs: options.webhookGiveUpHours * HOUR_MS };
    // Time for an attempt, and as much again to record it.
    this.leaseMs = 2 * options.webhookTimeoutMs;
    this.attempts = metrics.counter({
      name: 'webhook_attempts_total',
      help: 'Attempts to deliver to a webhook, by how they ended.',
      labelNames: ['outcome'],
    });
  }

  /** @param key of WEBHOOK_TOPIC @param signal aborts when the process must end */
  async execute(key: string, signal: AbortSignal): Promise<void> {
    const lease = await this.takeLease(key);
    if (!lease) return;
    const end = performance.now() + LONGEST_SERVICE_MS;
    try {
      let sent: Sent | null = null;
      for (;;) {
        const mayGoOn = performance.now() < end && !signal.aborted;
        const sending = await this.step(lease, sent, mayGoOn);
        // A worker that slept beyond its lease must not send what another one may be sending.
        if (sending === null || performance.now() >= lease.until) return;
        sent = await this.send(sending, signal);
      }
    } catch (error) {
      await this.uow.run((tx) => this.deliveries.renewLease(tx, lease, lease.epoch, null)).catch(() => undefined);
      if (!signal.aborted) throw error;
    }
  }

  private takeLease(key: string): Promise<Lease | null> {
    const ref = parseWebhookKey(key);
    const until = performance.now() + this.leaseMs;
    return this.uow.run(async (tx) => {
      if (!(await this.webhooks.find(tx, ref.tenantId, ref.webhookId))) {
        await this.outbox.complete(tx, WEBHOOK_TOPIC, key, await this.outbox.pendingThrough(tx, WEBHOOK_TOPIC, key));
        return null;
      }
      const epoch = await this.deliveries.takeLease(tx, ref, this.leaseMs);
      return epoch === null ? null : { ...ref, key, epoch, until };
    });
  }

  /** Records what was sent and gives what is to be sent next; null when there is nothing, or the webhook is lost to another. */
  private step(lease: Lease, sent: Sent | null, mayGoOn: boolean): Promise<Sending | null> {
    const until = performance.now() + this.leaseMs;
    return this.uow.runAs(workerContext(lease.tenantId), async (tx) => {
      const through = await this.outbox.pendingThrough(tx, WEBHOOK_TOPIC, lease.key);
      const webhook = await this.webhooks.find(tx, lease.tenantId, lease.webhookId);
      if (!webhook || !(await this.deliveries.renewLease(tx, lease, lease.epoch, this.leaseMs))) return null;
      if (sent) await this.record(tx, lease, webhook, sent);
      const sending = mayGoOn ? await this.choose(tx, lease, webhook) : null;
      if (sending === null) {
        await this.deliveries.renewLease(tx, lease, lease.epoch, null);
        await this.outbox.complete(tx, WEBHOOK_TOPIC, lease.key, through);
      }
      lease.until = until;
      return sending;
    });
  }

  private async choose(tx: Tx, lease: Lease, webhook: WebhookEntity): Promise<Sending | null> {
    for (;;) {
      const progress = await this.progress.get(tx, lease);
      const chosen = await this.next.choose(tx, webhook, progress);
      if (chosen.message) return { ...chosen, webhook, attempt: attemptNumber(chosen, progress) };
      if (chosen.passed.entrySeq !== undefined) await this.deliveries.pass(tx, lease, chosen.passed.entrySeq);
      if (!chosen.more) return null;
    }
  }

  private async send(sending: Sending, signal: AbortSignal): Promise<Sent> {
    const { webhook, message } = sending;
    const now = this.clock.now();
    const body = messageBody(message);
    const headers = signedHeaders(await this.secrets.good(webhook, now), {
      id: message.id,
      timestamp: Math.floor(now.getTime() / 1000),
      body,
    });
    const post = {
      headers: { 'content-type': 'application/json', 'user-agent': 'Freehold-Webhooks', ...headers },
      body,
    };
    const posted = await this.egress.post(webhook.url, post, { timeoutMs: this.options.webhookTimeoutMs, signal });
    const outcome = attemptOf(posted);
    this.attempts.inc({ outcome: outcome.failure ?? 'delivered' });
    return { ...sending, outcome, retryAfterSeconds: 'status' in posted ? posted.retryAfterSeconds : null };
  }

  private async record(tx: Tx, lease: Lease, webhook: WebhookEntity, sent: Sent): Promise<void> {
    const { message, attempt, outcome, delivered } = sent;
    const before = await this.progress.get(tx, lease);
    await this.deliveries.record(tx, lease, { ...message, attempt }, outcome, before);
    if (delivered === null) return this.deliveries.clearTest(tx, lease, message.id);
    if (outcome.failure === null) return this.deliveries.advance(tx, lease, delivered);
    const then = afterFailure(
      outcome.failure,
      {
        failures: before.failures + 1,
        failingForMs: before.failingForMs,
        retryAfterSeconds: sent.retryAfterSeconds,
      },
      this.rules,
      Math.random(),
    );
    await this.deliveries.fail(tx, lease, then.kind === 'retry' ? then.inMs : null);
    if (then.kind === 'disable' && webhook.enabled) await this.disable(tx, webhook, then.reason);
  }

  private async disable(tx: Tx, webhook: WebhookEntity, reason: 'gone' | 'failing'): Promise<void> {
    const before = webhookRecord(webhook);
    Object.assign(webhook, { enabled: false, disabledReason: reason, version: webhook.version + 1 });
    await this.webhooks.save(tx, webhook);
    this.ledger.append(tx, {
      class: 'configuration',
      action: 'webhook.disabled',
      resource: { type: 'webhook', id: webhook.id, version: webhook.version },
      before,
      after: webhookRecord(webhook),
    });
  }
}

function attemptNumber({ delivered }: NextMessage, progress: Progress): number {
  return delivered === null ? 1 : progress.failures + 1;
}

/** In whose name a worker records that it has disabled a webhook. */
function workerContext(tenantId: TenantId): OpContext {
  return {
    actor: { type: 'system', id: 'webhook-worker', keyId: null, roles: ['worker'] },
    tenantId,
    requestId: newId('request'),
    permissions: new Set(),
  };
}
