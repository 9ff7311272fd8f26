import { isId, type TenantId } from '#kernel';

/** The outbox topic for a staged segment that is to be placed; key `<tenant>/<segment>`. */
export const PLACEMENT_TOPIC = 'segment-placement';
/** The outbox topic for a migration whose manifest waits for its segments; key `<tenant>/<migration>`. */
export const VERIFICATION_TOPIC = 'migration-verification';
/** The outbox topic for a dataset that is being deleted; key `<tenant>/<dataset>`. */
export const REMOVAL_TOPIC = 'dataset-removal';

export function topicKey(tenantId: TenantId, id: string): string {
  return `${tenantId}/${id}`;
}

/** Takes the key of a job apart. @throws TypeError for a key that this library did not make */
export function parseTopicKey<K extends 'segment' | 'migration' | 'dataset'>(kind: K, key: string) {
  const [tenantId, id] = key.split('/');
  if (!isId('tenant', tenantId) || !isId(kind, id)) throw new TypeError(`${key} is not a key of a ${kind}`);
  return { tenantId, id };
}

/** The operation that a caller watches while a migration is under way, from its start to its commit; counts segments. */
export const MIGRATION_OPERATION = 'migration.run';
/** The operation of a dataset's removal; counts segments. */
export const DELETION_OPERATION = 'dataset.delete';
