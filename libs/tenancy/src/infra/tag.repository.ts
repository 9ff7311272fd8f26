import { Injectable } from '@nestjs/common';
import type { ObjectLiteral, SelectQueryBuilder } from 'typeorm';
import type { Tx } from '#database';
import type { TenantId } from '#kernel';

export type Tags = Record<string, string>;

/** Tags of any resource, as rows: see the migration for why not jsonb. */
@Injectable()
export class TagRepository {
  async replace(tx: Tx, tenantId: TenantId, resourceId: string, tags: Tags): Promise<void> {
    await tx.execute('DELETE FROM resource_tag WHERE tenant_id = $1 AND resource_id = $2', [tenantId, resourceId]);
    await this.insert(tx, tenantId, resourceId, tags);
  }

  async insert(tx: Tx, tenantId: TenantId, resourceId: string, tags: Tags): Promise<void> {
    const entries = Object.entries(tags);
    if (entries.length === 0) return;
    await tx.execute(
      `INSERT INTO resource_tag (tenant_id, resource_id, key, value)
       SELECT $1, $2, key, value FROM unnest($3::text[], $4::text[]) AS tag (key, value)`,
      [tenantId, resourceId, entries.map(([key]) => key), entries.map(([, value]) => value)],
    );
  }

  /** The tags of several resources at once. */
  async of(tx: Tx, tenantId: TenantId, resourceIds: readonly string[]): Promise<Map<string, Tags>> {
    const found = new Map<string, Tags>(resourceIds.map((id) => [id, {}]));
    if (resourceIds.length === 0) return found;
    const rows = await tx.query<{ resource_id: string; key: string; value: string }>(
      'SELECT resource_id, key, value FROM resource_tag WHERE tenant_id = $1 AND resource_id = ANY ($2) ORDER BY key',
      [tenantId, [...resourceIds]],
    );
    for (const row of rows) {
      const tags = found.get(row.resource_id);
      if (tags) tags[row.key] = row.value;
    }
    return found;
  }
}

/** Narrows a list to resources with all these tags, each `key` or `key:value`. */
export function havingTags<Entity extends ObjectLiteral>(
  query: SelectQueryBuilder<Entity>,
  tags: readonly string[],
): void {
  tags.forEach((tag, index) => {
    const separator = tag.indexOf(':');
    const [key, value] = separator < 0 ? [tag, null] : [tag.slice(0, separator), tag.slice(separator + 1)];
    query.andWhere(
      `EXISTS (SELECT 1 FROM resource_tag t WHERE t.tenant_id = r.tenant_id AND t.resource_id = r.id
               AND t.key = :tagKey${index} ${value === null ? '' : `AND t.value = :tagValue${index}`})`,
      { [`tagKey${index}`]: key, [`tagValue${index}`]: value },
    );
  });
}
