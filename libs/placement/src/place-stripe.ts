import { InvalidInputError, type StorageNodeId } from '#kernel';
import { NoActiveNodeError, TooFewFailureDomainsError } from './placement.errors.js';
import { StripeScores } from './rendezvous.js';
import { checkNodes, type PlacementNode } from './storage-node.js';

export interface PlacementOptions {
  /** k: how many shards give the segment back. What a placement survives is counted with it. */
  dataShards: number;
  /**
   * Whether several shards may share a failure domain when there are fewer domains than shards; they are then spread as
   * evenly as the domains, and after them the nodes, allow. Without it such a placement is refused.
   */
  allowFewerDomains?: boolean;
}

/** Where the shards of a stripe are: the node's id for each slot, which is the shard's index. */
export type Assignment = readonly StorageNodeId[];

/** Why a slot gets another node. */
export type MoveReason = 'missing' | 'offline' | 'draining' | 'rebalanced';

export interface Move {
  slot: number;
  from: StorageNodeId;
  to: StorageNodeId;
  /** `missing` and `offline`: rebuild the shard from others. `draining` and `rebalanced`: `from` can still be read. */
  reason: MoveReason;
}

export interface Placement {
  slots: StorageNodeId[];
  /** What differs from the assignment before; empty for a new stripe. */
  moves: Move[];
  /** How many shards are on nodes that can be read: what the next three count, for an offline shard may be a lost one. */
  readableShards: number;
  /** In how many failure domains these are. */
  domains: number;
  /** How many domains, whichever they are, can be lost at once with k shards left over. */
  survivesDomainLosses: number;
  /** The same for single nodes. */
  survivesNodeLosses: number;
}

/** Which slots `replaceLost` gives other nodes; the default is what cannot be read. */
export type ReplaceableReason = Exclude<MoveReason, 'rebalanced'>;
const UNREADABLE: readonly ReplaceableReason[] = ['missing', 'offline'];

/**
 * Places the n shards of a new stripe: the best active node of each failure domain, and of these the best n
 * (`StripeScores`). Adding, removing or reweighting a node changes at most one slot's node, and only to or from that node.
 * @throws TooFewFailureDomainsError when there are fewer than n and `allowFewerDomains` is not set
 * @throws NoActiveNodeError, InvalidInputError
 */
export function placeStripe(
  stripeId: string,
  nodes: readonly PlacementNode[],
  n: number,
  options: PlacementOptions,
): Placement {
  checkCounts(n, options);
  checkNodes(nodes);
  const slots = fill(stripeId, new Array<StorageNodeId | null>(n).fill(null), nodes, options);
  return placement(slots, [], nodes, options);
}

/**
 * Gives lost slots new nodes and leaves all others where they are: those of active nodes, and those whose node's state is
 * not one of `replace`. A node that is not listed any more is `missing`. New nodes are the best of the domains that the
 * remaining shards are not in, in the same order of preference as for a new stripe.
 * @throws TooFewFailureDomainsError when not enough other domains are left and `allowFewerDomains` is not set
 * @throws NoActiveNodeError, InvalidInputError
 */
export function replaceLost(
  stripeId: string,
  assignment: Assignment,
  nodes: readonly PlacementNode[],
  options: PlacementOptions & { replace?: readonly ReplaceableReason[] },
): Placement {
  checkCounts(assignment.length, options);
  checkNodes(nodes);
  const byId = nodesById(nodes);
  const replace = options.replace ?? UNREADABLE;
  const reasons = assignment.map((id) => {
    const status = byId.get(id)?.status ?? 'missing';
    return status !== 'active' && replace.includes(status) ? status : null;
  });
  if (reasons.every((reason) => reason === null)) return placement([...assignment], [], nodes, options);
  const slots = fill(
    stripeId,
    assignment.map((id, slot) => (reasons[slot] ? null : id)),
    nodes,
    options,
  );
  const moves = slots.flatMap((to, slot): Move[] => {
    const reason = reasons[slot];
    return reason ? [{ slot, from: assignment[slot]!, to, reason }] : [];
  });
  return placement(slots, moves, nodes, options);
}

/**
 * Moves a stripe to where it would be placed today, with as few moves as that takes: a slot whose node is among the nodes
 * of a new placement stays. So does a slot whose node is offline, which is not a loss yet. For after nodes were added,
 * reweighted or set draining; losses come first (`replaceLost`).
 * @throws TooFewFailureDomainsError, NoActiveNodeError, InvalidInputError as `placeStripe`
 */
export function rebalanceStripe(
  stripeId: string,
  assignment: Assignment,
  nodes: readonly PlacementNode[],
  options: PlacementOptions,
): Placement {
  checkCounts(assignment.length, options);
  checkNodes(nodes);
  const byId = nodesById(nodes);
  const pinned = assignment.map((id) => (byId.get(id)?.status === 'offline' ? id : null));
  const wanted = fill(stripeId, pinned, nodes, options);
  const stays = assignment.map((id) => {
    const at = wanted.indexOf(id);
    if (at >= 0) wanted.splice(at, 1);
    return at >= 0;
  });
  const moves: Move[] = [];
  const slots = assignment.map((from, slot) => {
    if (stays[slot]) return from;
    const to = wanted.shift()!;
    const status = byId.get(from)?.status ?? 'missing';
    moves.push({ slot, from, to, reason: status === 'active' ? 'rebalanced' : status });
    return to;
  });
  return placement(slots, moves, nodes, options);
}

/**
 * Puts a node into each empty slot: the best of each domain that has no shard of this stripe, in the order of their scores.
 * When such domains run out, again and again the candidate whose domain has the fewest shards, among those the one that has
 * the fewest itself, among those the best score.
 */
function fill(
  stripeId: string,
  slots: readonly (StorageNodeId | null)[],
  nodes: readonly PlacementNode[],
  options: PlacementOptions,
): StorageNodeId[] {
  const byId = nodesById(nodes);
  const loads = new Loads();
  for (const id of slots) if (id !== null) loads.add(id, byId.get(id)?.failureDomain);
  const candidates = rank(stripeId, nodes);
  requireDomains(slots, candidates, loads, options);
  let next = 0;
  return slots.map((id) => {
    if (id !== null) return id;
    while (next < candidates.length && loads.ofDomain(candidates[next]!.failureDomain) > 0) next++;
    const node =
      candidates[next] ?? candidates.reduce((best, other) => (loads.of(other) < loads.of(best) ? other : best));
    loads.add(node.id, node.failureDomain);
    return node.id;
  });
}

/** How many shards of the stripe each domain and each node has. */
class Loads {
  readonly #domains = new Map<string, number>();
  readonly #nodes = new Map<string, number>();

  /** How many domains have any. */
  get domains(): number {
    return this.#domains.size;
  }

  add(id: string, domain: string | undefined): void {
    this.#nodes.set(id, (this.#nodes.get(id) ?? 0) + 1);
    if (domain !== undefined) this.#domains.set(domain, this.ofDomain(domain) + 1);
  }

  ofDomain(domain: string): number {
    return this.#domains.get(domain) ?? 0;
  }

  /** The domain's load counts before the node's; neither reaches a thousand, for a code has at most 256 shards. */
  of({ id, failureDomain }: PlacementNode): number {
    return this.ofDomain(failureDomain) * 1000 + (this.#nodes.get(id) ?? 0);
  }
}

/** The active nodes from the best score to the worst. Equal scores, which no two ids are known to have, go by id. */
function rank(stripeId: string, nodes: readonly PlacementNode[]): PlacementNode[] {
  const scores = new StripeScores(stripeId);
  return nodes
    .filter((node) => node.status === 'active')
    .map((node) => ({ node, score: scores.of(node.id, node.weight) }))
    .sort((a, b) => b.score - a.score || (a.node.id < b.node.id ? -1 : 1))
    .map(({ node }) => node);
}

function requireDomains(
  slots: readonly (StorageNodeId | null)[],
  candidates: readonly PlacementNode[],
  loads: Loads,
  options: PlacementOptions,
): void {
  if (candidates.length === 0 && slots.includes(null)) throw new NoActiveNodeError();
  if (options.allowFewerDomains) return;
  const domains = new Set(candidates.map((node) => node.failureDomain));
  const free = [...domains].filter((domain) => loads.ofDomain(domain) === 0).length;
  const empty = slots.filter((id) => id === null).length;
  if (free < empty) throw new TooFewFailureDomainsError(loads.domains + free, slots.length);
}

function placement(
  slots: StorageNodeId[],
  moves: Move[],
  nodes: readonly PlacementNode[],
  { dataShards }: PlacementOptions,
): Placement {
  const byId = nodesById(nodes);
  const readable = slots.flatMap((id) => byId.get(id) ?? []).filter((node) => node.status !== 'offline');
  const spare = readable.length - dataShards;
  const domains = readable.map((node) => node.failureDomain);
  return {
    slots,
    moves,
    readableShards: readable.length,
    domains: new Set(domains).size,
    survivesDomainLosses: losses(domains, spare),
    survivesNodeLosses: losses(
      readable.map((node) => node.id),
      spare,
    ),
  };
}

/** How many holders can be lost in the worst case, the fullest first, before more than `spare` shards are gone. */
function losses(holders: readonly string[], spare: number): number {
  const counts = new Map<string, number>();
  for (const holder of holders) counts.set(holder, (counts.get(holder) ?? 0) + 1);
  let left = spare;
  let lost = 0;
  for (const shards of [...counts.values()].sort((a, b) => b - a)) {
    left -= shards;
    if (left < 0) break;
    lost++;
  }
  return lost;
}

function nodesById(nodes: readonly PlacementNode[]): Map<string, PlacementNode> {
  return new Map(nodes.map((node) => [node.id, node]));
}

function checkCounts(n: number, { dataShards }: PlacementOptions): void {
  if (Number.isInteger(n) && Number.isInteger(dataShards) && dataShards >= 1 && n >= dataShards && n <= 256) return;
  throw new InvalidInputError([
    {
      pointer: '/dataShards',
      rule: 'placement.shards',
      message: `${n} shards of which ${dataShards} are needed is not a code`,
      fix: 'use at least 1 data shard and at most 256 shards in all',
    },
  ]);
}
