import { Injectable } from '@nestjs/common';
import type { StorageNodeId } from '#kernel';
import { DirectoryShardStore, type ShardStore } from '#object-store';

/** What opening a node's store takes. */
export interface NodeAddress {
  id: StorageNodeId;
  driver: 'directory';
  location: string;
}

/** The open stores of the storage nodes, one for each node and place. */
@Injectable()
export class NodeStores {
  private readonly open = new Map<string, ShardStore>();

  of(node: NodeAddress): ShardStore {
    const key = `${node.id} ${node.location}`;
    let store = this.open.get(key);
    if (!store) {
      store = new DirectoryShardStore(node.location, node.id);
      this.open.set(key, store);
    }
    return store;
  }

  /** Makes a folder the store of a node. @throws StoreOfflineError, StorageFullError */
  async initialise(node: NodeAddress): Promise<void> {
    await DirectoryShardStore.initialise(node.location, node.id);
  }
}
