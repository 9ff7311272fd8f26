import { BlockList } from 'node:net';
import fc from 'fast-check';
import { addressBits, addressOf, formatAddress, type IpVersion, parseAddress } from './address.js';
import {
  type Cidr,
  cidrAround,
  cidrOf,
  cidrSize,
  cidrsEqual,
  cidrsOverlap,
  compareCidrs,
  containsAddress,
  containsCidr,
  firstAddress,
  formatCidr,
  lastAddress,
  parseCidr,
} from './cidr.js';
import { IpRuleError } from './ip-rule.error.js';

const version = fc.constantFrom<IpVersion>(4, 6);
/** Blocks that share leading bits often, so that containment happens in both directions. */
const block = fc
  .tuple(version, fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }), fc.nat(3), fc.nat(128))
  .map(([v, random, branch, length]) => {
    const bits = addressBits(v);
    const value = (BigInt(branch) << BigInt(bits - 2)) | (random & 0x3fn);
    return cidrAround(addressOf(v, value), length % (bits + 1));
  });
const bitsOf = (cidr: Cidr) =>
  `${cidr.version}:${cidr.first.toString(2).padStart(addressBits(cidr.version), '0').slice(0, cidr.prefixLength)}`;

function ruleOf(text: string, wanted?: IpVersion): Pick<IpRuleError, 'rule' | 'fix'> {
  try {
    parseCidr(text, wanted);
  } catch (error) {
    if (error instanceof IpRuleError) return error;
    throw error;
  }
  throw new Error(`${text} broke no rule`);
}

describe('blocks', () => {
  it.each([
    '0.0.0.0/0',
    '::/0',
    '10.0.0.0/8',
    '10.1.2.3/32',
    '255.255.255.255/32',
    '2001:db8::/32',
    'fd00::1/128',
    '::1/128',
  ])('read and write %s', (text) => {
    expect(formatCidr(parseCidr(text))).toBe(text);
  });

  it.each([
    ['10.0.0.5/16', 'ip.host-bits', 'write 10.0.0.0/16'],
    ['10.0.0.1/0', 'ip.host-bits', 'write 0.0.0.0/0'],
    ['255.255.255.255/31', 'ip.host-bits', 'write 255.255.255.254/31'],
    ['2001:db8::1/64', 'ip.host-bits', 'write 2001:db8::/64'],
    ['fd00::1/127', 'ip.host-bits', 'write fd00::/127'],
    ['10.0.0.5', 'ip.prefix-length', expect.stringContaining('10.0.0.5/32')],
    ['fd00::1', 'ip.prefix-length', expect.stringContaining('fd00::1/128')],
    ['10.0.0.0/33', 'ip.prefix-length', expect.stringContaining('0 to 32')],
    ['fd00::/129', 'ip.prefix-length', expect.stringContaining('0 to 128')],
    ['10.0.0.0/', 'ip.prefix-length', expect.any(String)],
    ['10.0.0.0/08', 'ip.prefix-length', expect.any(String)],
    ['10.0.0.0/8/8', 'ip.prefix-length', expect.any(String)],
    ['10.0.0.0/255.0.0.0', 'ip.prefix-length', expect.any(String)],
    ['10.0.0.0/1a', 'ip.prefix-length', expect.any(String)],
    ['10.0.0.0/-8', 'ip.characters', expect.any(String)],
    ['10.0.0.0/+8', 'ip.characters', expect.any(String)],
    ['10.0.0.0 /8', 'ip.whitespace', expect.any(String)],
    ['010.0.0.0/8', 'ip.leading-zero', 'write 10.0.0.0/8'],
    ['10.0/16', 'ip.syntax', expect.any(String)],
    ['/16', 'ip.syntax', expect.any(String)],
    ['2001:DB8::/32', 'ip.canonical', 'write 2001:db8::/32'],
    ['2001:db8:0:0::/64', 'ip.canonical', 'write 2001:db8::/64'],
    ['fe80::%eth0/10', 'ip.zone-id', expect.any(String)],
    ['::ffff:10.0.0.0/104', 'ip.v4-mapped', 'write the IPv4 address 10.0.0.0'],
    ['::ffff:0:0/96', 'ip.v4-mapped', expect.any(String)],
    ['::10/124', 'ip.v4-compatible', expect.any(String)],
    [`10.0.0.0/${'8'.repeat(60)}`, 'ip.length', expect.any(String)],
  ])('refuse %j by %s', (text, rule, fix) => {
    expect(ruleOf(text)).toMatchObject({ rule, fix });
  });

  it('refuse the other version', () => {
    expect(ruleOf('10.0.0.0/8', 6)).toMatchObject({ rule: 'ip.version' });
    expect(ruleOf('fd00::/8', 4)).toMatchObject({ rule: 'ip.version' });
  });

  it('cannot be made of parts that do not fit', () => {
    expect(() => cidrOf(4, 1n, 31)).toThrow(RangeError);
    expect(() => cidrOf(4, 0n, 33)).toThrow(RangeError);
    expect(() => cidrOf(6, 0n, -1)).toThrow(RangeError);
    expect(() => cidrOf(6, 0n, 0.5)).toThrow(RangeError);
    expect(() => cidrAround(addressOf(4, 0n), 33)).toThrow(RangeError);
  });

  it('have their first and last address and their size at the edges', () => {
    const summary = (text: string) => {
      const cidr = parseCidr(text);
      return [formatAddress(firstAddress(cidr)), formatAddress(lastAddress(cidr)), cidrSize(cidr)];
    };
    expect(summary('0.0.0.0/0')).toEqual(['0.0.0.0', '255.255.255.255', 2n ** 32n]);
    expect(summary('::/0')).toEqual(['::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 2n ** 128n]);
    expect(summary('10.0.0.1/32')).toEqual(['10.0.0.1', '10.0.0.1', 1n]);
    expect(summary('fd00::1/128')).toEqual(['fd00::1', 'fd00::1', 1n]);
    expect(summary('10.0.0.0/31')).toEqual(['10.0.0.0', '10.0.0.1', 2n]);
  });

  it('contain and overlap as their bit strings say', () => {
    fc.assert(
      fc.property(block, block, (a, b) => {
        expect(containsCidr(a, b)).toBe(bitsOf(b).startsWith(bitsOf(a)));
        expect(cidrsOverlap(a, b)).toBe(bitsOf(b).startsWith(bitsOf(a)) || bitsOf(a).startsWith(bitsOf(b)));
        expect(cidrsEqual(a, b)).toBe(bitsOf(a) === bitsOf(b));
        expect(compareCidrs(a, b) === 0).toBe(bitsOf(a) === bitsOf(b));
        expect(Math.sign(compareCidrs(a, b))).toBe(-Math.sign(compareCidrs(b, a)) + 0);
      }),
      { numRuns: 3000 },
    );
  });

  it("contain the addresses that node's own block list finds in them", () => {
    fc.assert(
      fc.property(block, block, (cidr, other) => {
        const family = (v: IpVersion) => (v === 4 ? 'ipv4' : 'ipv6');
        const list = new BlockList();
        // Node takes no prefix length of 0 for IPv6; every IPv6 address is in that block.
        fc.pre(cidr.prefixLength > 0 && other.version === cidr.version);
        list.addSubnet(formatAddress(firstAddress(cidr)), cidr.prefixLength, family(cidr.version));
        for (const address of [firstAddress(other), lastAddress(other), firstAddress(cidr), lastAddress(cidr)]) {
          expect(containsAddress(cidr, address)).toBe(list.check(formatAddress(address), family(address.version)));
        }
      }),
      { numRuns: 1000 },
    );
    expect(containsAddress(parseCidr('0.0.0.0/0'), parseAddress('::1'))).toBe(false);
    expect(containsAddress(parseCidr('::/0'), parseAddress('10.0.0.1'))).toBe(false);
  });

  it('hold the address they are made around and have no host bits', () => {
    fc.assert(
      fc.property(block, fc.nat(128), (cidr, length) => {
        const address = lastAddress(cidr);
        const around = cidrAround(address, length % (addressBits(cidr.version) + 1));
        expect(containsAddress(around, address)).toBe(true);
        expect(cidrsEqual(cidrOf(around.version, around.first, around.prefixLength), around)).toBe(true);
      }),
    );
    expect(formatCidr(cidrAround(parseAddress('10.1.2.3')))).toBe('10.1.2.3/32');
    expect(formatCidr(cidrAround(parseAddress('fd00::1')))).toBe('fd00::1/128');
  });
});
