import { Injectable } from '@nestjs/common';
import { Database } from '#database';

/** Finds the webhooks that there is something to deliver to, for all tenants; for workers. */
@Injectable()
export class DueWebhooksRepository {
  constructor(private readonly database: Database) {}

  /**
   * Asks for a job for each webhook that has something to be told of now and that nobody serves or is asked to serve. Of one
   * tenant at most `perTenant` are under way at a time, those that were served longest ago first. A suspended tenant's wait.
   * @returns how many there were
   */
  async ask(topic: string, perTenant: number): Promise<number> {
    const [row] = await this.database.query<{ asked: number }>(
      `WITH published AS (
         SELECT coalesce(max(size), 0) AS size FROM ledger_checkpoint
       ), due AS (
         SELECT w.tenant_id, w.tenant_id || '/' || w.id AS key,
                row_number() OVER (PARTITION BY w.tenant_id ORDER BY p.served_at NULLS FIRST, w.id) AS place
           FROM webhook w
           JOIN webhook_progress p ON p.tenant_id = w.tenant_id AND p.webhook_id = w.id
           JOIN tenant t ON t.id = w.tenant_id AND NOT t.suspended
          CROSS JOIN published c
          WHERE (p.lease_until IS NULL OR p.lease_until <= now())
            AND NOT EXISTS (SELECT FROM outbox o WHERE o.topic = $1 AND o.key = w.tenant_id || '/' || w.id)
            AND (p.test_message IS NOT NULL
                 OR w.enabled AND (p.next_attempt_at IS NULL OR p.next_attempt_at <= now())
                    AND ('ledger.entry' = ANY (w.events)
                           AND EXISTS (SELECT FROM ledger_leaf l WHERE l.tenant_id = w.tenant_id
                                          AND l.tenant_seq = p.entry_seq + 1 AND l.leaf_index < c.size)
                         OR 'ledger.checkpoint' = ANY (w.events) AND p.checkpoint_size < c.size))
       ), asked AS (
         INSERT INTO outbox (tenant_id, topic, key)
         SELECT tenant_id, $1, key FROM due
          WHERE place <= $2 - (SELECT count(DISTINCT o.key) FROM outbox o WHERE o.topic = $1 AND o.tenant_id = due.tenant_id)
         RETURNING 1
       )
       SELECT count(*)::int AS asked FROM asked`,
      [topic, perTenant],
    );
    return row?.asked ?? 0;
  }
}
