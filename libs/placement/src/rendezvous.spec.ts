import type { StorageNodeId } from '#kernel';
import { placeStripe } from './place-stripe.js';
import { StripeScores } from './rendezvous.js';
import type { PlacementNode } from './storage-node.js';

const STRIPES = 15_000;

/** Nodes in domains of their own unless said otherwise; ids as the kernel draws them, of one second, so nearly alike. */
function nodesOf(weights: readonly number[], domainOf = (index: number) => index): PlacementNode[] {
  return weights.map((weight, index) => ({
    id: `node-6562a3f000000000${index}` as StorageNodeId,
    failureDomain: `rack-${domainOf(index)}`,
    weight,
    status: 'active',
  }));
}

const place = (stripe: number, nodes: PlacementNode[], n: number) =>
  placeStripe(`seg-6562a3f0${stripe.toString(16).padStart(9, '0')}`, nodes, n, { dataShards: 1 }).slots;

/** Pearson's statistic of observed counts against expected ones. */
function chiSquare(observed: ReadonlyMap<string, number>, expected: ReadonlyMap<string, number>): number {
  return [...expected].reduce((sum, [key, mean]) => sum + ((observed.get(key) ?? 0) - mean) ** 2 / mean, 0);
}

/** Beyond five standard deviations of the statistic: the stripes are fixed, so this holds always or never. */
const limit = (degrees: number) => degrees + 5 * Math.sqrt(2 * degrees);

function tally(keyOf: (stripe: number) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (let stripe = 0; stripe < STRIPES; stripe++) {
    const key = keyOf(stripe);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

const WEIGHTS = [1, 2, 3, 4, 0.5, 8, 1, 2.5];
const TOTAL = WEIGHTS.reduce((sum, weight) => sum + weight, 0);

describe('weighted rendezvous hashing', () => {
  it('gives each node its share of the weight', () => {
    const nodes = nodesOf(WEIGHTS);
    const expected = new Map(nodes.map(({ id, weight }) => [id as string, (STRIPES * weight) / TOTAL]));
    const observed = tally((stripe) => place(stripe, nodes, 1)[0]!);
    expect(chiSquare(observed, expected)).toBeLessThan(limit(nodes.length - 1));
  });

  it('gives each ordered pair the probability of drawing without replacement', () => {
    // Exponential races make the order a Plackett-Luce ranking: the second is drawn in proportion to what is left.
    const nodes = nodesOf(WEIGHTS);
    const expected = new Map<string, number>();
    for (const first of nodes) {
      for (const second of nodes) {
        if (first === second) continue;
        const probability = (first.weight / TOTAL) * (second.weight / (TOTAL - first.weight));
        expected.set(`${first.id} ${second.id}`, STRIPES * probability);
      }
    }
    const observed = tally((stripe) => place(stripe, nodes, 2).join(' '));
    expect(chiSquare(observed, expected)).toBeLessThan(limit(expected.size - 1));
  });

  it('gives each domain the share of its nodes together, and them their shares within', () => {
    const nodes = nodesOf(WEIGHTS, (index) => index % 3);
    const weightOf = (domain: string) =>
      nodes.filter((node) => node.failureDomain === domain).reduce((sum, node) => sum + node.weight, 0);
    const expected = new Map<string, number>();
    for (const first of nodes) {
      for (const second of nodes) {
        if (first.failureDomain === second.failureDomain) continue;
        const left = TOTAL - weightOf(first.failureDomain);
        expected.set(`${first.id} ${second.id}`, (STRIPES * first.weight * second.weight) / (TOTAL * left));
      }
    }
    const observed = tally((stripe) => place(stripe, nodes, 2).join(' '));
    expect(chiSquare(observed, expected)).toBeLessThan(limit(expected.size - 1));
  });

  it('scores below or at zero, always the same, and closer to zero with more weight', () => {
    const scores = new StripeScores('seg-1');
    expect(scores.of('node-1', 1)).toBeLessThanOrEqual(0);
    expect(scores.of('node-1', 2)).toBe(scores.of('node-1', 1) / 2);
    expect(scores.of('node-2', 1)).not.toBe(scores.of('node-1', 1));
    expect(new StripeScores('seg-1').of('node-1', 1)).toBe(scores.of('node-1', 1));
    expect(new StripeScores('seg-2').of('node-1', 1)).not.toBe(scores.of('node-1', 1));
  });
});
