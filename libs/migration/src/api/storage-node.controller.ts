import { Controller } from '@nestjs/common';
import type { PageRequest } from '#database';
import { BodyInput, Endpoint, Op, PathInput, pageView, QueryInput } from '#http';
import type { OpContext, StorageNodeId } from '#kernel';
import { ChangeStorageNodeService, type UpdateStorageNode } from '../app/change-storage-node.service.js';
import { MigrationQueries } from '../app/migration.queries.js';
import { type RegisterStorageNode, RegisterStorageNodeService } from '../app/register-storage-node.service.js';
import * as schemas from './storage-node.schemas.js';
import { storageNodeView } from './storage-node.view.js';

/** The operator's storage nodes. */
@Controller('v1/system/storage-nodes')
export class StorageNodeController {
  constructor(
    private readonly registerNode: RegisterStorageNodeService,
    private readonly changeNode: ChangeStorageNodeService,
    private readonly queries: MigrationQueries,
  ) {}

  @Endpoint({
    method: 'POST',
    summary: 'Register a directory as a storage node',
    permission: 'system:node:write',
    body: schemas.registerStorageNodeSchema,
    reply: schemas.changedStorageNodeSchema,
    view: storageNodeView,
  })
  register(@Op() op: OpContext, @BodyInput() input: RegisterStorageNode) {
    return this.registerNode.execute(op, input);
  }

  @Endpoint({
    method: 'GET',
    summary: 'List storage nodes',
    permission: 'system:node:read',
    query: schemas.storageNodeListQuery,
    reply: schemas.storageNodePage,
    view: pageView(storageNodeView),
  })
  list(@Op() op: OpContext, @QueryInput() page: PageRequest) {
    return this.queries.listStorageNodes(op, page);
  }

  @Endpoint({
    method: 'GET',
    path: ':storageNodeId',
    summary: 'Read a storage node',
    permission: 'system:node:read',
    params: schemas.storageNodeParams,
    reply: schemas.storageNodeSchema,
    view: storageNodeView,
  })
  get(@Op() op: OpContext, @PathInput() { storageNodeId }: { storageNodeId: StorageNodeId }) {
    return this.queries.storageNode(op, storageNodeId);
  }

  @Endpoint({
    method: 'PATCH',
    path: ':storageNodeId',
    summary: 'Rename, reweight or drain a storage node',
    permission: 'system:node:write',
    params: schemas.storageNodeParams,
    body: schemas.updateStorageNodeSchema,
    reply: schemas.changedStorageNodeSchema,
    view: storageNodeView,
  })
  update(
    @Op() op: OpContext,
    @PathInput() { storageNodeId }: { storageNodeId: StorageNodeId },
    @BodyInput() input: UpdateStorageNode,
  ) {
    return this.changeNode.update(op, storageNodeId, input);
  }

  @Endpoint({
    method: 'DELETE',
    path: ':storageNodeId',
    summary: 'Delete a storage node that holds no shards',
    permission: 'system:node:write',
    params: schemas.storageNodeParams,
    reply: schemas.changedStorageNodeSchema,
    view: storageNodeView,
  })
  delete(@Op() op: OpContext, @PathInput() { storageNodeId }: { storageNodeId: StorageNodeId }) {
    return this.changeNode.delete(op, storageNodeId);
  }
}
