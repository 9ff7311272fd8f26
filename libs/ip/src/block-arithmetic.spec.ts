import fc from 'fast-check';
import { addressBits, addressOf, type IpVersion } from './address.js';
import {
  nextFreeBlock,
  nextFreeBlockOf,
  rangeCidrs,
  splitCidr,
  subtractCidrs,
  summariseCidrs,
} from './block-arithmetic.js';
import { type Cidr, cidrAround, cidrSize, compareCidrs, formatCidr, lastAddress, parseCidr } from './cidr.js';
import { IpRuleError } from './ip-rule.error.js';

/** A world of 64 addresses at either end or in the middle of a version's space: small enough to look at every one. */
const WORLD_BITS = 6;
const world = fc
  .tuple(fc.constantFrom<IpVersion>(4, 6), fc.constantFrom<'low' | 'middle' | 'high'>('low', 'middle', 'high'))
  .map(([version, where]) => {
    const all = 1n << BigInt(addressBits(version));
    const value = where === 'low' ? 0n : where === 'high' ? all - 1n : all / 3n;
    return cidrAround(addressOf(version, value), addressBits(version) - WORLD_BITS);
  });
const partOf = (outer: Cidr) =>
  fc
    .tuple(fc.nat(2 ** WORLD_BITS - 1), fc.nat(WORLD_BITS))
    .map(([offset, extra]) =>
      cidrAround(addressOf(outer.version, outer.first + BigInt(offset)), outer.prefixLength + extra),
    );
const worldWithParts = world.chain((outer) =>
  fc.record({ outer: fc.constant(outer), parts: fc.array(partOf(outer), { maxLength: 8 }), one: partOf(outer) }),
);

function addressesOf(cidrs: readonly Cidr[]): Set<bigint> {
  const all = new Set<bigint>();
  for (const cidr of cidrs) for (let value = cidr.first; value <= lastAddress(cidr).value; value += 1n) all.add(value);
  return all;
}
const ascending = (values: Set<bigint>) => [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));

/** No two blocks overlap or make up one larger block, and they ascend: then there is no shorter list of the same addresses. */
function expectFewest(cidrs: readonly Cidr[]): void {
  expect(addressesOf(cidrs).size).toBe(Number(cidrs.reduce((sum, cidr) => sum + cidrSize(cidr), 0n)));
  expect([...cidrs].sort(compareCidrs)).toEqual(cidrs);
  for (const [index, cidr] of cidrs.entries()) {
    const next = cidrs[index + 1];
    if (next?.prefixLength !== cidr.prefixLength || cidr.prefixLength === 0) continue;
    expect(next.first ^ cidr.first).not.toBe(cidrSize(cidr));
  }
}

const texts = (cidrs: Iterable<Cidr>) => [...cidrs].map(formatCidr);
const cidrs = (...list: string[]) => list.map((text) => parseCidr(text));

describe('splitting', () => {
  it('gives all parts, in order', () => {
    expect(texts(splitCidr(parseCidr('10.0.0.0/16'), 18))).toEqual([
      '10.0.0.0/18',
      '10.0.64.0/18',
      '10.0.128.0/18',
      '10.0.192.0/18',
    ]);
    expect(texts(splitCidr(parseCidr('fd00::/127'), 128))).toEqual(['fd00::/128', 'fd00::1/128']);
    expect(texts(splitCidr(parseCidr('255.255.255.254/31'), 32))).toEqual(['255.255.255.254/32', '255.255.255.255/32']);
    expect(texts(splitCidr(parseCidr('::/0'), 0))).toEqual(['::/0']);
  });

  it('makes parts only as they are asked for', () => {
    const { value } = splitCidr(parseCidr('::/0'), 128).next();
    expect(value && formatCidr(value)).toBe('::/128');
  });

  it.each([15, 33, 16.5])('refuses /%s of a /16', (length) => {
    expect(() => splitCidr(parseCidr('10.0.0.0/16'), length)).toThrow(IpRuleError);
  });
});

describe('subtracting, summarising and ranges', () => {
  it('keep exactly the right addresses in the fewest blocks', () => {
    fc.assert(
      fc.property(worldWithParts, ({ parts, one }) => {
        const rest = subtractCidrs(one, parts);
        const gone = addressesOf(parts);
        expect(ascending(addressesOf(rest))).toEqual(ascending(addressesOf([one])).filter((value) => !gone.has(value)));
        expectFewest(rest);
        const summary = summariseCidrs(parts);
        expect(ascending(addressesOf(summary))).toEqual(ascending(gone));
        expectFewest(summary);
      }),
      { numRuns: 1000 },
    );
  });

  it('turn any range into the fewest blocks', () => {
    fc.assert(
      fc.property(world, fc.nat(63), fc.nat(63), (outer, a, b) => {
        const [first, last] = [outer.first + BigInt(Math.min(a, b)), outer.first + BigInt(Math.max(a, b))];
        const blocks = rangeCidrs(outer.version, first, last);
        expect(ascending(addressesOf(blocks))).toEqual(
          Array.from({ length: Number(last - first) + 1 }, (_, offset) => first + BigInt(offset)),
        );
        expectFewest(blocks);
      }),
    );
  });

  it('work over the whole of both versions', () => {
    expect(texts(summariseCidrs(cidrs('::/1', '128.0.0.0/1', '8000::/1', '0.0.0.0/1', '10.0.0.0/8')))).toEqual([
      '0.0.0.0/0',
      '::/0',
    ]);
    expect(subtractCidrs(parseCidr('0.0.0.0/0'), cidrs('0.0.0.0/0'))).toEqual([]);
    expect(texts(subtractCidrs(parseCidr('0.0.0.0/0'), cidrs('::/0')))).toEqual(['0.0.0.0/0']);
    expect(subtractCidrs(parseCidr('::/0'), cidrs('fd00::1/128'))).toHaveLength(128);
    expect(texts(rangeCidrs(6, 0n, 2n ** 128n - 1n))).toEqual(['::/0']);
    expect(rangeCidrs(4, 5n, 4n)).toEqual([]);
    expect(() => rangeCidrs(4, 0n, 2n ** 32n)).toThrow(RangeError);
  });
});

describe('the next free block', () => {
  it('is the lowest one that touches nothing taken', () => {
    fc.assert(
      fc.property(worldWithParts, fc.nat(WORLD_BITS), ({ outer, parts, one }, extra) => {
        const prefixLength = outer.prefixLength + extra;
        const gone = addressesOf(parts);
        const lowest =
          prefixLength < one.prefixLength
            ? undefined
            : [...splitCidr(one, prefixLength)].find((cidr) =>
                ascending(addressesOf([cidr])).every((v) => !gone.has(v)),
              );
        expect(nextFreeBlock(one, parts, prefixLength)).toEqual(lowest ?? null);
      }),
      { numRuns: 1000 },
    );
  });

  it('comes from the first parent with room', () => {
    const parents = cidrs('10.0.1.0/24', '10.0.0.0/24');
    const free = (...taken: string[]) => {
      const block = nextFreeBlockOf(parents, cidrs(...taken), 25);
      return block && formatCidr(block);
    };
    expect(free()).toBe('10.0.1.0/25');
    expect(free('10.0.1.0/28')).toBe('10.0.1.128/25');
    expect(free('10.0.1.0/24')).toBe('10.0.0.0/25');
    expect(free('10.0.0.0/16')).toBeNull();
    expect(nextFreeBlockOf([], [], 24)).toBeNull();
    expect(() => nextFreeBlockOf(cidrs('10.0.0.0/8', 'fd00::/8'), [], 24)).toThrow(RangeError);
    expect(() => nextFreeBlock(parents[0]!, [], 33)).toThrow(RangeError);
  });

  it('is found without counting through the space', () => {
    const parent = parseCidr('fd00::/8');
    const taken = [...splitCidr(parseCidr('fd00::/48'), 60)];
    expect(formatCidr(nextFreeBlock(parent, taken, 64)!)).toBe('fd00:0:1::/64');
    expect(nextFreeBlock(parent, cidrs('fd00::/9', 'fd80::/9'), 128)).toBeNull();
  });
});
