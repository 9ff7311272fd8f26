import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { UnitOfWork } from '#database';
import { Clock, newId, type OpContext, SYSTEM_TENANT_ID } from '#kernel';
import { LedgerWriter } from '#ledger';
import { foldName } from '#tenancy';
import { NodeStores } from '../infra/node-stores.js';
import { StorageNodeEntity } from '../infra/storage-node.entity.js';
import { StorageNodeRepository } from '../infra/storage-node.repository.js';
import { storageNodeRecord } from './migration-records.js';

export interface RegisterStorageNode {
  name: string;
  location: string;
  failureDomain: string;
  weight: number;
}

@Injectable()
export class RegisterStorageNodeService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly clock: Clock,
    private readonly nodes: StorageNodeRepository,
    private readonly stores: NodeStores,
    private readonly ledger: LedgerWriter,
  ) {}

  /**
   * Registers a directory as a storage node. The folder is created where missing and marked with the node's id just before
   * the commit, so that no node is known whose folder cannot be used. The id is drawn once, so that a repeated transaction
   * finds its own mark. @throws StoreOfflineError when the folder cannot be used or is another node's
   */
  execute(ctx: OpContext, input: RegisterStorageNode): Promise<StorageNodeEntity> {
    const now = this.clock.now();
    const node = Object.assign(new StorageNodeEntity(), {
      tenantId: SYSTEM_TENANT_ID,
      id: newId('storageNode', now.getTime()),
      name: input.name,
      nameFolded: foldName(input.name),
      driver: 'directory' as const,
      location: input.location,
      failureDomain: input.failureDomain,
      weight: input.weight,
      status: 'active' as const,
      version: 1,
      createdAt: now,
    });
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'system:node:write');
      await this.nodes.insert(tx, node);
      this.ledger.append(tx, {
        class: 'system',
        action: 'storage-node.registered',
        resource: { type: 'storage-node', id: node.id, version: 1 },
        before: null,
        after: storageNodeRecord(node),
      });
      if (!ctx.dryRun) await this.stores.initialise(node);
      return node;
    });
  }
}
