import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { TenantId } from '#kernel';

@Entity('signature_policy')
export class SignaturePolicyEntity {
  @PrimaryColumn('text', { name: 'tenant_id' })
  tenantId: TenantId;

  @Column('boolean')
  required: boolean;

  /** Actions, or patterns such as `subnet.*`; none of them: all actions. */
  @Column('text', { array: true })
  actions: string[];

  @Column('integer')
  version: number;
}
