import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { UnitOfWork } from '#database';
import { DependencyViolationError, type OpContext, requireMatch, type StorageNodeId } from '#kernel';
import { LedgerWriter } from '#ledger';
import { foldName } from '#tenancy';
import type { StorageNodeEntity } from '../infra/storage-node.entity.js';
import { StorageNodeRepository } from '../infra/storage-node.repository.js';
import { storageNodeRecord } from './migration-records.js';

export interface UpdateStorageNode {
  name?: string;
  weight?: number;
  status?: StorageNodeEntity['status'];
}

/** Changes and removes storage nodes. Where a node is and in which domain is fixed: shards were placed by it. */
@Injectable()
export class ChangeStorageNodeService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly nodes: StorageNodeRepository,
    private readonly ledger: LedgerWriter,
  ) {}

  update(ctx: OpContext, id: StorageNodeId, input: UpdateStorageNode): Promise<StorageNodeEntity> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'system:node:write');
      const node = await this.nodes.lock(tx, id);
      requireMatch(ctx, node);
      const before = storageNodeRecord(node);
      if (input.name !== undefined) Object.assign(node, { name: input.name, nameFolded: foldName(input.name) });
      Object.assign(node, {
        weight: input.weight ?? node.weight,
        status: input.status ?? node.status,
        version: node.version + 1,
      });
      await this.nodes.save(tx, node);
      this.ledger.append(tx, {
        class: 'system',
        action: 'storage-node.updated',
        resource: { type: 'storage-node', id, version: node.version },
        before,
        after: storageNodeRecord(node),
      });
      return node;
    });
  }

  /** @throws DependencyViolationError while it holds shards. The folder and what else is in it stay. */
  delete(ctx: OpContext, id: StorageNodeId): Promise<StorageNodeEntity> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'system:node:write');
      const node = await this.nodes.lock(tx, id);
      requireMatch(ctx, node);
      const shards = await this.nodes.shardCount(tx, id);
      if (shards > 0) {
        throw new DependencyViolationError('storage node', id, [
          {
            id,
            kind: `${shards} shards`,
            fix: `set its status to draining (PATCH /v1/system/storage-nodes/${id}) and let its shards move, or delete the datasets they belong to`,
          },
        ]);
      }
      await this.nodes.delete(tx, node);
      this.ledger.append(tx, {
        class: 'system',
        action: 'storage-node.deleted',
        resource: { type: 'storage-node', id, version: node.version + 1 },
        before: storageNodeRecord(node),
        after: null,
      });
      return node;
    });
  }
}
