import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import type { TenantId, WebhookId } from '#kernel';

/** Which webhook is meant. */
export interface WebhookRef {
  tenantId: TenantId;
  webhookId: WebhookId;
}

/** How far a webhook has come, by the database's clock. */
export interface Progress {
  entrySeq: number;
  checkpointSize: number;
  failures: number;
  failingSince: Date | null;
  failingForMs: number;
  nextAttemptAt: Date | null;
  /** Whether the message in front may be tried now. */
  due: boolean;
  testMessage: string | null;
  /** The tenant is suspended: nothing is sent until it is resumed. */
  suspended: boolean;
  attempts: number;
  epoch: number;
}

/** Where the tenant's chain and the log end now: what is delivered begins behind it. */
export interface LedgerEnd {
  entrySeq: number;
  checkpointSize: number;
}

const COLUMNS = `p.webhook_id AS "webhookId", p.entry_seq::float8 AS "entrySeq", p.checkpoint_size::float8 AS "checkpointSize",
  p.failures, p.failing_since AS "failingSince", p.next_attempt_at AS "nextAttemptAt",
  coalesce(extract(epoch FROM now() - p.failing_since) * 1000, 0)::float8 AS "failingForMs",
  p.next_attempt_at IS NULL OR p.next_attempt_at <= now() AS due,
  EXISTS (SELECT FROM tenant t WHERE t.id = p.tenant_id AND t.suspended) AS suspended, p.test_message AS "testMessage", p.attempts::float8 AS attempts, p.epoch::float8 AS epoch`;

/** The progress of webhooks; to be changed under the lock of the webhook's row alone. */
@Injectable()
export class ProgressRepository {
  async insert(tx: Tx, { tenantId, webhookId }: WebhookRef, end: LedgerEnd): Promise<void> {
    await tx.execute(
      'INSERT INTO webhook_progress (tenant_id, webhook_id, entry_seq, checkpoint_size) VALUES ($1, $2, $3, $4)',
      [tenantId, webhookId, end.entrySeq, end.checkpointSize],
    );
  }

  async of(tx: Tx, tenantId: TenantId, ids: readonly WebhookId[]): Promise<Map<WebhookId, Progress>> {
    const rows = await tx.query<Progress & { webhookId: WebhookId }>(
      `SELECT ${COLUMNS} FROM webhook_progress p WHERE p.tenant_id = $1 AND p.webhook_id = ANY ($2::text[])`,
      [tenantId, ids],
    );
    return new Map(rows.map((row) => [row.webhookId, row]));
  }

  async get(tx: Tx, { tenantId, webhookId }: WebhookRef): Promise<Progress> {
    const progress = (await this.of(tx, tenantId, [webhookId])).get(webhookId);
    if (!progress) throw new Error(`the webhook ${webhookId} has no progress`);
    return progress;
  }

  async end(tx: Tx, tenantId: TenantId): Promise<LedgerEnd> {
    const [row] = await tx.query<LedgerEnd>(
      `SELECT coalesce((SELECT seq FROM ledger_tenant_head WHERE tenant_id = $1), 0)::float8 AS "entrySeq",
              coalesce((SELECT max(size) FROM ledger_checkpoint), 0)::float8 AS "checkpointSize"`,
      [tenantId],
    );
    return row ?? { entrySeq: 0, checkpointSize: 0 };
  }

  /** Goes on from another place, at once. A worker that is at work on the old one can record nothing any more. */
  async restart(tx: Tx, { tenantId, webhookId }: WebhookRef, from: Partial<LedgerEnd>): Promise<void> {
    await tx.execute(
      `UPDATE webhook_progress
          SET entry_seq = coalesce($3, entry_seq), checkpoint_size = coalesce($4, checkpoint_size), failures = 0,
              failing_since = NULL, next_attempt_at = NULL, epoch = epoch + 1, lease_until = NULL
        WHERE tenant_id = $1 AND webhook_id = $2`,
      [tenantId, webhookId, from.entrySeq ?? null, from.checkpointSize ?? null],
    );
  }

  async requestTest(tx: Tx, { tenantId, webhookId }: WebhookRef, messageId: string): Promise<void> {
    await tx.execute('UPDATE webhook_progress SET test_message = $3 WHERE tenant_id = $1 AND webhook_id = $2', [
      tenantId,
      webhookId,
      messageId,
    ]);
  }
}
