import { InvalidInputError, type StorageNodeId } from '#kernel';

/**
 * - `active`: holds shards and takes new ones.
 * - `draining`: its shards are good to read; it takes no new ones and is being emptied.
 * - `offline`: cannot be read now, which is not yet a loss; it takes no new ones.
 */
export const NODE_STATUSES = ['active', 'draining', 'offline'] as const;
export type NodeStatus = (typeof NODE_STATUSES)[number];

/** What placing needs to know of a storage node. */
export interface PlacementNode {
  id: StorageNodeId;
  /** What fails together with this node: a disk, a host, a rack, a site. Shards of a stripe go to different ones. */
  failureDomain: string;
  /** Its share of the shards relative to the others', such as its capacity in any one unit. Greater than 0. */
  weight: number;
  status: NodeStatus;
}

/** @throws InvalidInputError for a weight that is not a positive number, or an id that two nodes have */
export function checkNodes(nodes: readonly PlacementNode[]): void {
  const ids = new Set<string>();
  nodes.forEach(({ id, weight }, index) => {
    if (!Number.isFinite(weight) || weight <= 0) {
      throw new InvalidInputError([
        {
          pointer: `/nodes/${index}/weight`,
          rule: 'node.weight',
          message: `the weight of ${id} is ${weight}`,
          fix: 'give it a positive number, such as its capacity in GB; set it draining to keep new shards away',
        },
      ]);
    }
    if (ids.has(id)) {
      throw new InvalidInputError([
        {
          pointer: `/nodes/${index}/id`,
          rule: 'node.unique',
          message: `${id} is listed twice`,
          fix: 'list each node once',
        },
      ]);
    }
    ids.add(id);
  });
}
