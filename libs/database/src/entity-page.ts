import type { EntityTarget, FindOptionsWhere, ObjectLiteral, SelectQueryBuilder } from 'typeorm';
import { decodeCursor, type Page, type PageRequest, pageOf } from './paging.js';
import type { Tx } from './tx.js';

/**
 * A page of the entities that match, ordered by id: ids start with their time, so that is the order of creation, and it is
 * stable whatever is added meanwhile. `refine` may add conditions on the alias `r`.
 */
export async function pageOfEntities<Entity extends ObjectLiteral & { id: string }>(
  tx: Tx,
  entity: EntityTarget<Entity>,
  page: PageRequest,
  where: FindOptionsWhere<Entity>,
  refine?: (query: SelectQueryBuilder<Entity>) => void,
): Promise<Page<Entity>> {
  const query = tx.manager.getRepository(entity).createQueryBuilder('r').where(where);
  const after = decodeCursor(page.cursor);
  if (after !== null) query.andWhere('r.id > :after', { after });
  refine?.(query);
  const rows = await query
    .orderBy('r.id')
    .limit(page.limit + 1)
    .getMany();
  return pageOf(rows, page.limit, (row) => row.id);
}
