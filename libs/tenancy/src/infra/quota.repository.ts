import { Injectable } from '@nestjs/common';
import type { Statement, Tx } from '#database';
import { QuotaExceededError, SYSTEM_TENANT_ID, type TenantId } from '#kernel';
import { DEFAULT_QUOTAS, type Quota } from '../domain/quotas.js';

/** A quota that the operator set apart from its default. */
export interface SetQuota {
  tenantId: TenantId;
  quota: string;
  allowed: number;
}

@Injectable()
export class QuotaRepository {
  /**
   * Makes changes that count against the tenant's quotas wait for each other until the transaction ends. First in the lock
   * order, before any VPC.
   */
  async lock(tx: Tx, tenantId: TenantId): Promise<void> {
    await tx.query("SELECT pg_advisory_xact_lock(hashtextextended('quota ' || $1, 0))", [tenantId]);
  }

  /**
   * Makes sure that one more fits. `counting` gives one row with a column `used`; to be called under the lock that guards
   * what it counts. One round trip. @throws QuotaExceededError
   */
  async requireRoom(tx: Tx, tenantId: TenantId, quota: Quota, counting: Statement): Promise<void> {
    const rows = await tx.pipeline(this.room(tenantId, quota, counting));
    this.requireRoomIn(quota, rows);
  }

  /** The statements of `requireRoom`, to be sent with others. */
  room(tenantId: TenantId, quota: Quota, counting: Statement): Statement[] {
    return [counting, allowedStatement(tenantId, quota)];
  }

  /** Reads what the statements of `room` gave. @throws QuotaExceededError */
  requireRoomIn(quota: Quota, [counted, set]: readonly Record<string, unknown>[][]): void {
    const used = Number(counted?.[0]?.used);
    const allowed = (set?.[0]?.allowed as number | undefined) ?? DEFAULT_QUOTAS[quota];
    if (used + 1 > allowed) throw new QuotaExceededError(quota, allowed, used);
  }

  async allowed(tx: Tx, tenantId: TenantId, quota: Quota): Promise<number> {
    const [row] = (await tx.pipeline([allowedStatement(tenantId, quota)]))[0] ?? [];
    return (row?.allowed as number | undefined) ?? DEFAULT_QUOTAS[quota];
  }

  /** To be called under the lock that `used` was counted under. @throws QuotaExceededError */
  async require(tx: Tx, tenantId: TenantId, quota: Quota, used: number, wanted = 1): Promise<void> {
    const allowed = await this.allowed(tx, tenantId, quota);
    if (used + wanted > allowed) throw new QuotaExceededError(quota, allowed, used);
  }

  async set(tx: Tx, tenantId: TenantId, quota: Quota, allowed: number): Promise<void> {
    await tx.execute(
      `INSERT INTO tenant_quota (tenant_id, quota, allowed) VALUES ($1, $2, $3)
       ON CONFLICT (tenant_id, quota) DO UPDATE SET allowed = excluded.allowed`,
      [tenantId, quota, allowed],
    );
  }

  /** Quotas that were set, by tenant and name, behind `last`: the tenant's own, or those of all tenants for the operator. */
  setPage(tx: Tx, tenantId: TenantId, last: SetQuota | undefined, limit: number): Promise<SetQuota[]> {
    const columns = 'tenant_id AS "tenantId", quota, allowed';
    if (tenantId === SYSTEM_TENANT_ID) {
      const after = [last?.tenantId ?? '', last?.quota ?? '', limit];
      return tx.query<SetQuota>(`SELECT ${columns} FROM crosstenant.set_quotas($1, $2, $3)`, after);
    }
    return tx.query<SetQuota>(
      `SELECT ${columns} FROM tenant_quota WHERE tenant_id = $1 AND quota > $2 ORDER BY quota LIMIT $3`,
      [tenantId, last?.quota ?? '', limit],
    );
  }

  /** Every quota of the tenant, set or by default. */
  async all(tx: Tx, tenantId: TenantId): Promise<Record<Quota, number>> {
    const rows = await tx.query<{ quota: Quota; allowed: number }>(
      'SELECT quota, allowed FROM tenant_quota WHERE tenant_id = $1',
      [tenantId],
    );
    return { ...DEFAULT_QUOTAS, ...Object.fromEntries(rows.map((row) => [row.quota, row.allowed])) };
  }
}

function allowedStatement(tenantId: TenantId, quota: Quota): Statement {
  return { sql: 'SELECT allowed FROM tenant_quota WHERE tenant_id = $1 AND quota = $2', params: [tenantId, quota] };
}
