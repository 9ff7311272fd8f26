import fc from 'fast-check';
import type { StorageNodeId } from '#kernel';
import { murmurHash128 } from './murmur-hash.js';
import { type Placement, placeStripe, rebalanceStripe, replaceLost } from './place-stripe.js';
import { NoActiveNodeError, TooFewFailureDomainsError } from './placement.errors.js';
import type { NodeStatus, PlacementNode } from './storage-node.js';

const nodeId = (index: number) => `node-6562a3f0${index.toString(16).padStart(9, '0')}` as StorageNodeId;

function nodeOf(index: number, domain: number, weight = 1, status: NodeStatus = 'active'): PlacementNode {
  return { id: nodeId(index), failureDomain: `rack-${domain}`, weight, status };
}

/** `domains` racks with `each` nodes, of weights 1 to 4. */
const cluster = (domains: number, each: number): PlacementNode[] =>
  Array.from({ length: domains * each }, (_, index) => nodeOf(index, index % domains, 1 + ((index * 7) % 4)));

const stripes = (count: number) => Array.from({ length: count }, (_, index) => `seg-6562a3f0${index.toString(16)}`);
const fourPlusTwo = { dataShards: 4 };

/**
 * The definition without any of the library's placing: the score written down anew in exact integers, the best node of
 * each domain, the best n domains.
 */
function byDefinition(stripeId: string, nodes: readonly PlacementNode[], n: number): string[] {
  const bytes = (data: Uint8Array) => {
    const view = new DataView(new ArrayBuffer(16));
    murmurHash128(data).forEach((word, at) => {
      view.setUint32(at * 4, word, true);
    });
    return Buffer.from(view.buffer);
  };
  const score = ({ id, weight }: PlacementNode) => {
    const hash = bytes(Buffer.concat([bytes(Buffer.from(stripeId)), bytes(Buffer.from(id))]));
    const first64 = (BigInt(hash.readUInt32LE(0)) << 32n) | BigInt(hash.readUInt32LE(4));
    return Math.log(Number((first64 >> 11n) + 1n) / 2 ** 53) / weight;
  };
  const best = new Map<string, { id: string; score: number }>();
  for (const node of nodes.filter(({ status }) => status === 'active')) {
    const known = best.get(node.failureDomain);
    if (!known || score(node) > known.score) best.set(node.failureDomain, { id: node.id, score: score(node) });
  }
  return [...best.values()]
    .sort((a, b) => b.score - a.score)
    .slice(0, n)
    .map(({ id }) => id);
}

const anyNodes = fc
  .array(
    fc.record({
      domain: fc.nat({ max: 11 }),
      weight: fc.double({ min: 0.01, max: 100, noNaN: true }),
      status: fc.constantFrom<NodeStatus>('active', 'active', 'active', 'draining', 'offline'),
    }),
    { minLength: 1, maxLength: 40 },
  )
  .map((list) => list.map(({ domain, weight, status }, index) => nodeOf(index, domain, weight, status)));

const activeDomains = (nodes: readonly PlacementNode[]) =>
  new Set(nodes.filter(({ status }) => status === 'active').map(({ failureDomain }) => failureDomain)).size;

/** Lost shards in the worst case of so many lost holders, by trying every combination of them. */
function survivesByTrying(holders: readonly string[], dataShards: number): number {
  const distinct = [...new Set(holders)];
  let worst = distinct.length;
  for (let bits = 0; bits < 2 ** distinct.length; bits++) {
    const lost = distinct.filter((_, index) => (bits >> index) & 1);
    const left = holders.filter((holder) => !lost.includes(holder)).length;
    if (left < dataShards) worst = Math.min(worst, Math.max(0, lost.length - 1));
  }
  return worst;
}

describe('placing a stripe', () => {
  it('takes the best node of each domain and the best domains, as the definition has it', () => {
    fc.assert(
      fc.property(anyNodes, fc.string(), fc.integer({ min: 1, max: 12 }), (nodes, stripeId, n) => {
        fc.pre(activeDomains(nodes) >= n);
        const { slots, moves, domains } = placeStripe(stripeId, nodes, n, { dataShards: 1 });
        expect(slots).toEqual(byDefinition(stripeId, nodes, n));
        expect([moves, domains]).toEqual([[], n]);
      }),
      { numRuns: 300 },
    );
  });

  it('never puts two shards into one domain unless allowed, and refuses instead', () => {
    fc.assert(
      fc.property(anyNodes, fc.string(), fc.integer({ min: 1, max: 12 }), (nodes, stripeId, n) => {
        const available = activeDomains(nodes);
        fc.pre(available > 0 && available < n);
        const place = () => placeStripe(stripeId, nodes, n, { dataShards: 1 });
        expect(place).toThrow(TooFewFailureDomainsError);
        expect(place).toThrow(`${n} shards need a failure domain each; ${available} hold`);
      }),
    );
  });

  it('spreads evenly over fewer domains when allowed, and says truly what that survives', () => {
    fc.assert(
      fc.property(
        anyNodes,
        fc.string(),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 12 }),
        (nodes, stripeId, n, k) => {
          fc.pre(activeDomains(nodes) > 0 && k <= n);
          const result = placeStripe(stripeId, nodes, n, { dataShards: k, allowFewerDomains: true });
          const node = (id: string) => nodes.find((one) => one.id === id)!;
          const domainOf = result.slots.map((id) => node(id).failureDomain);
          const counts = [...new Set(domainOf)].map((domain) => domainOf.filter((one) => one === domain).length);
          expect(result.slots.every((id) => node(id).status === 'active')).toBe(true);
          expect(result.domains).toBe(Math.min(n, activeDomains(nodes)));
          expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
          expect(result.survivesDomainLosses).toBe(survivesByTrying(domainOf, k));
          expect(result.survivesNodeLosses).toBe(survivesByTrying(result.slots, k));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('uses a domain’s nodes before it uses one of them twice', () => {
    const nodes = cluster(3, 2);
    const result = placeStripe('seg-1', nodes, 6, { ...fourPlusTwo, allowFewerDomains: true });
    expect(new Set(result.slots).size).toBe(6);
    expect(result).toMatchObject({ readableShards: 6, domains: 3, survivesDomainLosses: 1, survivesNodeLosses: 2 });
  });

  it('refuses when no node is active, a weight is none, an id is listed twice or the counts are no code', () => {
    expect(() => placeStripe('seg-1', [nodeOf(1, 1, 1, 'offline')], 1, { dataShards: 1 })).toThrow(NoActiveNodeError);
    expect(() => placeStripe('seg-1', [nodeOf(1, 1, 0)], 1, { dataShards: 1 })).toThrow('/nodes/0/weight');
    expect(() => placeStripe('seg-1', [nodeOf(1, 1), nodeOf(1, 2)], 1, { dataShards: 1 })).toThrow('listed twice');
    expect(() => placeStripe('seg-1', cluster(9, 1), 3, fourPlusTwo)).toThrow('is not a code');
  });
});

/** Shards on each node over many stripes. */
function loads(placements: readonly (readonly string[])[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const id of placements.flat()) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

/** The fewest shards that must move to get from these loads to those: what the nodes gain that have more afterwards. */
function fewestMoves(before: Map<string, number>, after: Map<string, number>): number {
  return [...after].reduce((sum, [id, count]) => sum + Math.max(0, count - (before.get(id) ?? 0)), 0);
}

describe('movement', () => {
  const before = cluster(10, 3);
  const changes: [string, PlacementNode[]][] = [
    ['a node is added to a domain', [...before, nodeOf(100, 4, 3)]],
    ['a node is added in a new domain', [...before, nodeOf(101, 50, 2)]],
    ['a node is removed', before.filter(({ id }) => id !== nodeId(17))],
    ['a node gets more weight', before.map((node) => (node.id === nodeId(5) ? { ...node, weight: 9 } : node))],
    ['a node gets less weight', before.map((node) => (node.id === nodeId(3) ? { ...node, weight: 0.2 } : node))],
    ['a node is drained', before.map((node) => (node.id === nodeId(8) ? { ...node, status: 'draining' } : node))],
  ];

  it.each(changes)('is the least that the new loads allow when %s', (_name, after) => {
    const ids = stripes(1000);
    const old = ids.map((id) => placeStripe(id, before, 6, fourPlusTwo).slots);
    const moved = ids.map((id, at) => rebalanceStripe(id, old[at]!, after, fourPlusTwo));
    const count = moved.reduce((sum, { moves }) => sum + moves.length, 0);
    expect(count).toBeGreaterThan(0);
    expect(count).toBe(fewestMoves(loads(old), loads(moved.map(({ slots }) => slots))));
    expect(Math.max(...moved.map(({ moves }) => moves.length))).toBe(1);
    // And it arrives where a new stripe would be, each shard that stays in its own slot.
    moved.forEach((placement, at) => {
      expect([...placement.slots].sort()).toEqual(byDefinition(ids[at]!, after, 6).sort());
      const changed = placement.slots.flatMap((id, slot) => (id === old[at]![slot] ? [] : [slot]));
      expect(placement.moves.map(({ slot }) => slot)).toEqual(changed);
    });
  });
});

describe('replacing what is lost', () => {
  /** A placement, then some nodes change their state or vanish. */
  const anyLoss = fc.record({
    stripeId: fc.string(),
    fate: fc.array(
      fc.constantFrom<NodeStatus | 'missing'>('active', 'active', 'active', 'draining', 'offline', 'missing'),
      {
        minLength: 30,
        maxLength: 30,
      },
    ),
  });
  const before = cluster(10, 3);
  const afterFate = (fate: readonly (NodeStatus | 'missing')[]) =>
    before.flatMap((node, index) =>
      fate[index] === 'missing' ? [] : [{ ...node, status: fate[index] as NodeStatus }],
    );

  it('moves what cannot be read, keeps all else in its place, and keeps the domains apart', () => {
    fc.assert(
      fc.property(anyLoss, ({ stripeId, fate }) => {
        const nodes = afterFate(fate);
        const { slots: old } = placeStripe(stripeId, before, 6, fourPlusTwo);
        const state = (id: string) => nodes.find((node) => node.id === id)?.status ?? 'missing';
        const lost = old.flatMap((id, slot) => (['missing', 'offline'].includes(state(id)) ? [slot] : []));
        let result: Placement;
        try {
          result = replaceLost(stripeId, old, nodes, fourPlusTwo);
        } catch (error) {
          const kept = new Set(old.flatMap((id, slot) => (lost.includes(slot) ? [] : [domainOf(id)])));
          const free = nodes.filter(({ status, failureDomain }) => status === 'active' && !kept.has(failureDomain));
          expect(error).toBeInstanceOf(TooFewFailureDomainsError);
          expect(new Set(free.map(({ failureDomain }) => failureDomain)).size).toBeLessThan(lost.length);
          return;
        }
        expect(result.moves.map(({ slot }) => slot)).toEqual(lost);
        for (const { slot, from, to, reason } of result.moves) {
          expect([from, reason]).toEqual([old[slot], state(old[slot]!)]);
          expect([to, state(to)]).toEqual([result.slots[slot], 'active']);
        }
        old.forEach((id, slot) => {
          if (!lost.includes(slot)) expect(result.slots[slot]).toBe(id);
        });
        expect(new Set(result.slots.map(domainOf)).size).toBe(6);
        expect(result).toMatchObject({ readableShards: 6, survivesDomainLosses: 2, survivesNodeLosses: 2 });
      }),
      { numRuns: 200 },
    );

    function domainOf(id: string): string {
      return before.find((node) => node.id === id)!.failureDomain;
    }
  });

  it('chooses for a lost slot what the definition would have chosen next', () => {
    for (const id of stripes(200)) {
      const { slots } = placeStripe(id, before, 6, fourPlusTwo);
      const without = before.filter((node) => node.id !== slots[2]);
      const { slots: after } = replaceLost(id, slots, without, fourPlusTwo);
      expect([...after].sort()).toEqual(byDefinition(id, without, 6).sort());
    }
  });

  const drained = (id: string, status: NodeStatus) =>
    before.map((node) => (node.id === id ? { ...node, status } : node));
  const { slots } = placeStripe('seg-1', before, 6, fourPlusTwo);

  it('leaves a draining node its shards until told to empty it', () => {
    const nodes = drained(slots[0]!, 'draining');
    expect(replaceLost('seg-1', slots, nodes, fourPlusTwo)).toMatchObject({ slots, moves: [], readableShards: 6 });
    const { moves } = replaceLost('seg-1', slots, nodes, { ...fourPlusTwo, replace: ['draining'] });
    expect(moves).toMatchObject([{ slot: 0, from: slots[0], reason: 'draining' }]);
  });

  it('waits for an offline node when told to, and counts its shard as unread', () => {
    const nodes = drained(slots[3]!, 'offline');
    const result = replaceLost('seg-1', slots, nodes, { ...fourPlusTwo, replace: ['missing'] });
    expect(result).toMatchObject({ slots, moves: [], readableShards: 5, domains: 5, survivesDomainLosses: 1 });
    expect(rebalanceStripe('seg-1', slots, nodes, fourPlusTwo)).toMatchObject({ slots, moves: [] });
  });

  it('says that nothing more may be lost when fewer than k can be read', () => {
    const nodes = before.filter(({ id }) => !slots.slice(0, 3).includes(id));
    const result = replaceLost('seg-1', slots, nodes, { ...fourPlusTwo, replace: [] });
    expect(result).toMatchObject({ readableShards: 3, survivesDomainLosses: 0, survivesNodeLosses: 0 });
  });
});
