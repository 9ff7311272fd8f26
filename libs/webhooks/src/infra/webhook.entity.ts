import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { TenantId, WebhookId } from '#kernel';
import type { WebhookEvent } from '../domain/webhook-event.js';

@Entity('webhook')
export class WebhookEntity {
  @Column('text', { name: 'tenant_id' })
  tenantId: TenantId;

  @PrimaryColumn('text')
  id: WebhookId;

  @Column('text')
  url: string;

  @Column('text', { nullable: true })
  description: string | null;

  @Column('text', { array: true })
  events: WebhookEvent[];

  @Column('text', { name: 'action_prefixes', array: true })
  actionPrefixes: string[];

  @Column('boolean')
  enabled: boolean;

  /** Why Freehold disabled it: the receiver said 410 Gone, or nothing was delivered for too long. */
  @Column('text', { name: 'disabled_reason', nullable: true })
  disabledReason: 'gone' | 'failing' | null;

  /** 1 for the first; each rotation raises it. */
  @Column('integer', { name: 'secret_version' })
  secretVersion: number;

  @Column('bytea', { name: 'sealed_secret' })
  sealedSecret: Buffer;

  @Column('bytea', { name: 'previous_sealed_secret', nullable: true })
  previousSealedSecret: Buffer | null;

  @Column('timestamptz', { name: 'previous_valid_until', nullable: true })
  previousValidUntil: Date | null;

  @Column('integer')
  version: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;
}
