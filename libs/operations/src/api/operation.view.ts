import type { OperationEntity } from '../infra/operation.entity.js';

export const operationView = (operation: OperationEntity) => ({
  id: operation.id,
  kind: operation.kind,
  state: operation.state,
  resource: { type: operation.resourceType, id: operation.resourceId },
  progress: { done: operation.done, total: operation.total, unit: operation.unit },
  error: operation.error,
  startedAt: operation.startedAt.toISOString(),
  finishedAt: operation.finishedAt?.toISOString() ?? null,
  version: operation.version,
});
