import { Injectable } from '@nestjs/common';
import { decodeCursor, type Page, type PageRequest, pageOf, type Tx } from '#database';
import { InvalidInputError } from '#kernel';
import type { Attempt, AttemptFailure } from '../domain/delivery-outcome.js';
import type { MessageEvent } from '../domain/webhook-event.js';
import type { Progress, WebhookRef } from './progress.repository.js';

/** One attempt in the log of deliveries. */
export interface Delivery {
  number: number;
  messageId: string;
  event: MessageEvent;
  attempt: number;
  status: number | null;
  failure: AttemptFailure | null;
  durationMs: number;
  attemptedAt: Date;
}

/** How many attempts of each webhook are kept. */
const KEPT = 200;

/** What a worker changes: the lease it holds a webhook by, and what came of its attempts. */
@Injectable()
export class DeliveryRepository {
  /** Takes the webhook for so long, unless another holds it; the epoch that came with it, or null. */
  async takeLease(tx: Tx, { tenantId, webhookId }: WebhookRef, leaseMs: number): Promise<number | null> {
    const [row] = await tx.query<{ epoch: number }>(
      `UPDATE webhook_progress SET epoch = epoch + 1, served_at = now(), lease_until = now() + $3 * interval '1 millisecond'
        WHERE tenant_id = $1 AND webhook_id = $2 AND (lease_until IS NULL OR lease_until <= now())
       RETURNING epoch::float8 AS epoch`,
      [tenantId, webhookId, leaseMs],
    );
    return row?.epoch ?? null;
  }

  /** Prolongs the lease, or gives it up with null; false when the epoch is no longer the newest. */
  async renewLease(
    tx: Tx,
    { tenantId, webhookId }: WebhookRef,
    epoch: number,
    leaseMs: number | null,
  ): Promise<boolean> {
    const renewed = await tx.execute(
      `UPDATE webhook_progress SET lease_until = now() + $4 * interval '1 millisecond'
        WHERE tenant_id = $1 AND webhook_id = $2 AND epoch = $3`,
      [tenantId, webhookId, epoch, leaseMs],
    );
    return renewed === 1;
  }

  /** Everything up to this place need not be delivered any more, and nothing fails now. */
  async advance(
    tx: Tx,
    { tenantId, webhookId }: WebhookRef,
    to: { entrySeq?: number; checkpointSize?: number },
  ): Promise<void> {
    await tx.execute(
      `UPDATE webhook_progress
          SET entry_seq = coalesce($3, entry_seq), checkpoint_size = coalesce($4, checkpoint_size), failures = 0,
              failing_since = NULL, next_attempt_at = NULL
        WHERE tenant_id = $1 AND webhook_id = $2`,
      [tenantId, webhookId, to.entrySeq ?? null, to.checkpointSize ?? null],
    );
  }

  /** Entries up to this number are not wanted. */
  async pass(tx: Tx, { tenantId, webhookId }: WebhookRef, entrySeq: number): Promise<void> {
    await tx.execute('UPDATE webhook_progress SET entry_seq = $3 WHERE tenant_id = $1 AND webhook_id = $2', [
      tenantId,
      webhookId,
      entrySeq,
    ]);
  }

  /** The message in front failed once more; it is tried again after the pause, or not at all when that is null. */
  async fail(tx: Tx, { tenantId, webhookId }: WebhookRef, retryInMs: number | null): Promise<void> {
    await tx.execute(
      `UPDATE webhook_progress
          SET failures = failures + 1, failing_since = coalesce(failing_since, now()),
              next_attempt_at = now() + $3 * interval '1 millisecond'
        WHERE tenant_id = $1 AND webhook_id = $2`,
      [tenantId, webhookId, retryInMs],
    );
  }

  async clearTest(tx: Tx, { tenantId, webhookId }: WebhookRef, messageId: string): Promise<void> {
    await tx.execute(
      'UPDATE webhook_progress SET test_message = NULL WHERE tenant_id = $1 AND webhook_id = $2 AND test_message = $3',
      [tenantId, webhookId, messageId],
    );
  }

  /** Writes an attempt into the log of deliveries and forgets the oldest. */
  async record(
    tx: Tx,
    { tenantId, webhookId }: WebhookRef,
    message: { id: string; event: MessageEvent; attempt: number },
    { status, failure, durationMs }: Attempt,
    { attempts }: Progress,
  ): Promise<void> {
    const number = attempts + 1;
    await tx.pipeline([
      {
        sql: `INSERT INTO webhook_delivery
                (tenant_id, webhook_id, number, message_id, event, attempt, status, failure, duration_ms)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
        params: [
          ...[tenantId, webhookId, number, message.id, message.event],
          ...[message.attempt, status, failure, durationMs],
        ],
      },
      {
        sql: 'UPDATE webhook_progress SET attempts = $3 WHERE tenant_id = $1 AND webhook_id = $2',
        params: [tenantId, webhookId, number],
      },
      {
        sql: 'DELETE FROM webhook_delivery WHERE tenant_id = $1 AND webhook_id = $2 AND number <= $3',
        params: [tenantId, webhookId, number - KEPT],
      },
    ]);
  }

  /** The newest first. */
  async page(tx: Tx, { tenantId, webhookId }: WebhookRef, { limit, cursor }: PageRequest): Promise<Page<Delivery>> {
    const rows = await tx.query<Delivery>(
      `SELECT number::float8 AS number, message_id AS "messageId", event, attempt, status, failure,
              duration_ms AS "durationMs", attempted_at AS "attemptedAt"
         FROM webhook_delivery
        WHERE tenant_id = $1 AND webhook_id = $2 AND ($3::bigint IS NULL OR number < $3)
        ORDER BY number DESC LIMIT $4`,
      [tenantId, webhookId, numberOf(decodeCursor(cursor)), limit + 1],
    );
    return pageOf(rows, limit, (delivery) => String(delivery.number));
  }
}

function numberOf(cursor: string | null): string | null {
  if (cursor === null || /^[0-9]{1,15}$/.test(cursor)) return cursor;
  throw new InvalidInputError([
    {
      pointer: '/query/cursor',
      rule: 'cursor.opaque',
      message: 'not a cursor of this list',
      fix: 'use the nextCursor of the previous page, or leave it out',
    },
  ]);
}
