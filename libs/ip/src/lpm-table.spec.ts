import fc from 'fast-check';
import { type Address, addressBits, addressOf, type IpVersion, parseAddress } from './address.js';
import { type Cidr, cidrAround, compareCidrs, firstAddress, formatCidr, lastAddress, parseCidr } from './cidr.js';
import { LpmTable } from './lpm-table.js';

/** Blocks that branch off from one another at every depth, word borders of the keys among them. */
const block: fc.Arbitrary<Cidr> = fc
  .tuple(fc.constantFrom<IpVersion>(4, 6), fc.array(fc.nat(127), { maxLength: 3 }), fc.nat(128), fc.boolean())
  .map(([version, ones, length, complement]) => {
    const bits = addressBits(version);
    const marks = ones.reduce((value, at) => value | (1n << BigInt(at % bits)), 0n);
    const value = complement ? marks ^ ((1n << BigInt(bits)) - 1n) : marks;
    return cidrAround(addressOf(version, value), length % (bits + 1));
  });
const address = block.map(lastAddress);

const bitString = (one: Address) => `${one.version}:${one.value.toString(2).padStart(addressBits(one.version), '0')}`;
const prefixString = (cidr: Cidr) => bitString(firstAddress(cidr)).slice(0, 2 + cidr.prefixLength);

/** The oracle: a map from prefix strings to values, searched from front to back. */
class PrefixStrings {
  readonly values = new Map<string, number>();

  matching(wanted: Address): number[] {
    return [...this.values.entries()]
      .filter(([prefix]) => bitString(wanted).startsWith(prefix))
      .sort(([a], [b]) => b.length - a.length)
      .map(([, value]) => value);
  }
}

function expectEqual(table: LpmTable<number>, oracle: PrefixStrings, probes: readonly Address[]): void {
  expect(table.size).toBe(oracle.values.size);
  for (const probe of probes) {
    const matching = oracle.matching(probe);
    expect(table.matches(probe).map((entry) => entry.value)).toEqual(matching);
    expect(table.lookup(probe)?.value).toBe(matching[0]);
  }
  const entries = [...table.entries()];
  expect(new Map(entries.map((entry) => [prefixString(entry.cidr), entry.value]))).toEqual(oracle.values);
  expect([...entries].sort((a, b) => compareCidrs(a.cidr, b.cidr))).toEqual(entries);
}

describe('longest-prefix match', () => {
  it('finds what a search through bit strings finds, through any inserts and removals', () => {
    const step = fc.tuple(fc.boolean(), fc.nat(20), fc.nat(1000));
    fc.assert(
      fc.property(
        fc.array(block, { minLength: 1, maxLength: 20 }),
        fc.array(step, { maxLength: 60 }),
        fc.array(address, { maxLength: 6 }),
        (blocks, steps, probes) => {
          const table = new LpmTable<number>();
          const oracle = new PrefixStrings();
          const edges = blocks.flatMap((cidr) => [firstAddress(cidr), lastAddress(cidr)]);
          for (const [insert, which, value] of steps) {
            const cidr = blocks[which % blocks.length]!;
            const had = oracle.values.has(prefixString(cidr));
            expect(table.get(cidr)).toBe(oracle.values.get(prefixString(cidr)));
            if (insert) {
              expect(table.insert(cidr, value)).toBe(!had);
              oracle.values.set(prefixString(cidr), value);
            } else {
              expect(table.remove(cidr)).toBe(had);
              oracle.values.delete(prefixString(cidr));
            }
          }
          expectEqual(table, oracle, [...edges, ...probes]);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('keeps IPv4 and IPv6 apart', () => {
    const table = LpmTable.from([
      [parseCidr('0.0.0.0/0'), 'four'],
      [parseCidr('10.0.0.0/8'), 'ten'],
    ]);
    expect(table.lookup(parseAddress('10.1.2.3'))).toEqual({ cidr: parseCidr('10.0.0.0/8'), value: 'ten' });
    expect(table.lookup(parseAddress('11.1.2.3'))?.value).toBe('four');
    expect(table.lookup(parseAddress('a00::'))).toBeNull();
    table.insert(parseCidr('::/0'), 'six');
    expect(table.lookup(parseAddress('a00::'))?.value).toBe('six');
    expect(table.remove(parseCidr('0.0.0.0/0'))).toBe(true);
    expect(table.lookup(parseAddress('11.1.2.3'))).toBeNull();
    expect(table.lookup(parseAddress('a00::'))?.value).toBe('six');
  });

  it('matches single addresses at both ends of the space', () => {
    const ends = ['0.0.0.0/32', '255.255.255.255/32', '::/128', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128'];
    const table = LpmTable.from(ends.map((text) => [parseCidr(text), text] as const));
    for (const text of ends) expect(table.lookup(firstAddress(parseCidr(text)))?.value).toBe(text);
    expect(table.lookup(parseAddress('0.0.0.1'))).toBeNull();
    expect([...table.entries()].map((entry) => formatCidr(entry.cidr))).toEqual(ends);
  });

  it('leaves nothing behind when everything is removed', () => {
    fc.assert(
      fc.property(fc.array(block, { maxLength: 40 }), (blocks) => {
        const table = LpmTable.from(blocks.map((cidr) => [cidr, 1] as const));
        for (const cidr of blocks) table.remove(cidr);
        expect(table).toEqual(new LpmTable<number>());
      }),
    );
  });
});
