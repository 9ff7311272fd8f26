import type { StorageNodeEntity } from '../infra/storage-node.entity.js';

export const storageNodeView = (node: StorageNodeEntity) => ({
  id: node.id,
  name: node.name,
  driver: node.driver,
  location: node.location,
  failureDomain: node.failureDomain,
  weight: node.weight,
  status: node.status,
  version: node.version,
  createdAt: node.createdAt.toISOString(),
});
