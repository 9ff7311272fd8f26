import { Injectable } from '@nestjs/common';
import type { TenantId } from '#kernel';
import type { DeferredStatement, Tx } from './tx.js';

/** A hint that something may have to be done: what kind of thing and which one, never what to do. */
export interface OutboxMessage {
  topic: string;
  key: string;
  /** Whose it is; taken from the context unless the transaction acts for no one tenant. */
  tenantId?: TenantId;
}

/**
 * Work that a change asks for, written in the change's own transaction. The relay offers each row to the queue until the
 * transaction that produces the *effect* deletes it; a lost queue therefore costs latency and never work.
 */
@Injectable()
export class Outbox {
  private readonly collected = new WeakMap<Tx, OutboxMessage[]>();

  add(tx: Tx, message: OutboxMessage): void {
    let messages = this.collected.get(tx);
    if (!messages) {
      messages = [];
      this.collected.set(tx, messages);
      tx.beforeCommit('outbox', () => this.flush(tx));
    }
    if (!messages.some((known) => known.topic === message.topic && known.key === message.key)) messages.push(message);
  }

  /** The newest row of this topic and key that is visible now, or null: what an effect that starts now will cover. */
  async pendingThrough(tx: Tx, topic: string, key: string): Promise<string | null> {
    const [row] = await tx.query<{ id: string | null }>(
      'SELECT max(id)::text AS id FROM outbox WHERE topic = $1 AND key = $2',
      [topic, key],
    );
    return row?.id ?? null;
  }

  /** Deletes the rows that an effect covers; to be called in the effect's own transaction. */
  async complete(tx: Tx, topic: string, key: string, throughId: string | null): Promise<void> {
    if (throughId === null) return;
    await tx.execute('DELETE FROM outbox WHERE topic = $1 AND key = $2 AND id <= $3', [topic, key, throughId]);
  }

  private flush(tx: Tx): DeferredStatement[] {
    const messages = this.collected.get(tx) ?? [];
    this.collected.delete(tx);
    if (messages.length === 0) return [];
    return [
      {
        sql: `INSERT INTO outbox (tenant_id, topic, key)
              SELECT * FROM unnest($1::text[], $2::text[], $3::text[])`,
        params: [
          messages.map((m) => m.tenantId ?? tx.ctx?.tenantId ?? null),
          messages.map((m) => m.topic),
          messages.map((m) => m.key),
        ],
      },
    ];
  }
}
