import fc from 'fast-check';
import { type Address, addressOf, formatAddress, parseAddress } from './address.js';
import { type Cidr, cidrAround, lastAddress, parseCidr } from './cidr.js';
import { IpRuleError } from './ip-rule.error.js';
import {
  nextFreeAddress,
  requireInterfaceAddress,
  requireSubnetBlock,
  reservedAddresses,
  usableAddressCount,
} from './subnet.rules.js';

const cidrs = (...texts: string[]): Cidr[] => texts.map((text) => parseCidr(text));
const addresses = (...texts: string[]): Address[] => texts.map((text) => parseAddress(text));

function broken(work: () => void): { rule: string; message: string; fix: string } | null {
  try {
    work();
    return null;
  } catch (error) {
    if (!(error instanceof IpRuleError)) throw error;
    return { rule: error.rule, message: error.message, fix: error.fix };
  }
}

describe("a subnet's block", () => {
  const vpc = cidrs('10.0.0.0/16', '100.64.0.0/24', 'fd00:1::/56');
  const check = (text: string, ...siblings: string[]) =>
    broken(() => requireSubnetBlock(parseCidr(text), vpc, cidrs(...siblings)));

  it.each(['10.0.0.0/16', '10.0.255.240/28', '100.64.0.128/25', 'fd00:1::/64', 'fd00:1:0:f0::/60', 'fd00:1::/56'])(
    'may be %s',
    (text) => {
      expect(check(text)).toBeNull();
    },
  );

  it.each([
    ['10.0.0.0/29', 'subnet.block-size', '10.0.0.0/28'],
    ['10.0.0.0/8', 'subnet.block-size', '10.0.0.0/16'],
    ['fd00:1::/65', 'subnet.block-size', 'fd00:1::/64'],
    ['fd00:1::/62', 'subnet.block-size', 'fd00:1::/60'],
    ['fd00::/40', 'subnet.block-size', 'fd00::/44'],
    ['10.1.0.0/24', 'subnet.block-outside-vpc', 'use 10.0.0.0/24'],
    ['100.64.0.0/23', 'subnet.block-outside-vpc', 'use 10.0.0.0/23'],
    ['fd00:2::/64', 'subnet.block-outside-vpc', 'use fd00:1::/64'],
    ['fd00:1::/52', 'subnet.block-outside-vpc', 'no /52 is free'],
  ])('may not be %s (%s)', (text, rule, named) => {
    const error = check(text);
    expect(error?.rule).toBe(rule);
    expect(error?.fix).toContain(named);
  });

  it('is clear of its siblings, and an error names the lowest free block', () => {
    expect(check('10.0.1.0/24', '10.0.0.0/24', '10.0.2.0/24', 'fd00:1::/64')).toBeNull();
    expect(check('10.0.0.0/23', '10.0.0.0/24', '10.0.2.0/28')).toEqual({
      rule: 'subnet.block-overlap',
      message: '10.0.0.0/23 overlaps 10.0.0.0/24 of another subnet',
      fix: 'use 10.0.4.0/23, which is free, or another block inside 10.0.0.0/16, 100.64.0.0/24',
    });
    expect(check('10.0.7.0/24', '10.0.0.0/16')?.fix).toContain('use 100.64.0.0/24, which is free');
    expect(check('10.0.7.0/24', '10.0.0.0/16', '100.64.0.0/28')?.fix).toMatch(/^no \/24 is free/);
    expect(check('fd00:1::/64', 'fd00:1::/64')?.fix).toContain('use fd00:1:0:1::/64');
  });

  it('needs a block of its version in the VPC', () => {
    const error = broken(() => requireSubnetBlock(parseCidr('fd00::/64'), cidrs('10.0.0.0/16')));
    expect(error).toMatchObject({ rule: 'subnet.block-outside-vpc', message: 'the VPC has no IPv6 block' });
  });
});

describe("a subnet's addresses", () => {
  it('are reserved by name', () => {
    const named = (text: string) =>
      reservedAddresses(parseCidr(text)).map(({ address, role }) => `${formatAddress(address)} ${role}`);
    expect(named('10.0.1.0/24')).toEqual([
      '10.0.1.0 network',
      '10.0.1.1 router',
      '10.0.1.2 dns',
      '10.0.1.3 spare',
      '10.0.1.255 broadcast',
    ]);
    expect(named('fd00:1::/64')).toEqual([
      'fd00:1:: network',
      'fd00:1::1 router',
      'fd00:1::2 dns',
      'fd00:1::3 spare',
      'fd00:1::ffff:ffff:ffff:ffff last',
    ]);
  });

  it.each([
    ['10.0.0.0/16', 65_531n],
    ['10.0.0.0/24', 251n],
    ['10.0.0.0/28', 11n],
    ['fd00::/64', 2n ** 64n - 5n],
  ])('of %s can be used: %s', (text, count) => {
    expect(usableAddressCount(parseCidr(text))).toBe(count);
  });

  it('are given out lowest first, each once, until the subnet is full', () => {
    const subnet = parseCidr('10.0.0.16/28');
    const taken: Address[] = [];
    for (let free = nextFreeAddress(subnet, taken); free; free = nextFreeAddress(subnet, taken)) taken.push(free);
    expect(taken.map(formatAddress)).toEqual(Array.from({ length: 11 }, (_, index) => `10.0.0.${20 + index}`));
    expect(BigInt(taken.length)).toBe(usableAddressCount(subnet));
  });

  it('are free when a search through all of them says so', () => {
    const subnetAndTaken = fc
      .tuple(fc.constantFrom('10.9.0.0/28', '10.9.0.32/27', 'fd00:9::/124'), fc.array(fc.nat(40), { maxLength: 40 }))
      .map(([text, offsets]) => {
        const subnet = parseCidr(text);
        return { subnet, taken: offsets.map((offset) => addressOf(subnet.version, subnet.first + BigInt(offset))) };
      });
    fc.assert(
      fc.property(subnetAndTaken, ({ subnet, taken }) => {
        const unusable = new Set(
          [...reservedAddresses(subnet).map((one) => one.address), ...taken].map((a) => a.value),
        );
        const all = Array.from({ length: Number(lastAddress(subnet).value - subnet.first) + 1 }, (_, i) => i);
        const lowest = all.map((i) => subnet.first + BigInt(i)).find((value) => !unusable.has(value));
        expect(nextFreeAddress(subnet, taken)?.value).toBe(lowest);
      }),
    );
  });

  it('are found among 65,000 taken ones in a /64 of 2^64', () => {
    const subnet = parseCidr('fd00::/64');
    const taken = Array.from({ length: 65_000 }, (_, index) => addressOf(6, subnet.first + 4n + BigInt(index)));
    expect(nextFreeAddress(subnet, taken)?.value).toBe(subnet.first + 65_004n);
  });

  it('are not taken by an address of the other version with the same value', () => {
    const free = parseAddress('10.0.0.4');
    expect(nextFreeAddress(parseCidr('10.0.0.0/24'), [addressOf(6, free.value)])).toEqual(free);
  });

  it('cannot be asked for when reserved, taken or elsewhere', () => {
    const subnet = parseCidr('10.0.1.0/24');
    const ask = (text: string, ...taken: string[]) =>
      broken(() => requireInterfaceAddress(subnet, parseAddress(text), addresses(...taken)));
    expect(ask('10.0.1.4')).toBeNull();
    expect(ask('10.0.1.254', '10.0.1.4')).toBeNull();
    expect(ask('10.0.1.1')).toEqual({
      rule: 'subnet.address-reserved',
      message: '10.0.1.1 is reserved in 10.0.1.0/24 (router)',
      fix: 'use 10.0.1.4, which is free, or leave the address out',
    });
    expect(ask('10.0.1.255')?.rule).toBe('subnet.address-reserved');
    expect(ask('10.0.2.4')?.rule).toBe('subnet.address-outside');
    expect(ask('fd00::4')?.rule).toBe('subnet.address-outside');
    expect(ask('10.0.1.4', '10.0.1.4')).toEqual({
      rule: 'subnet.address-taken',
      message: '10.0.1.4 is in use in 10.0.1.0/24',
      fix: 'use 10.0.1.5, which is free, or leave the address out',
    });
    const full = Array.from({ length: 251 }, (_, index) => `10.0.1.${index + 4}`);
    expect(ask('10.0.1.9', ...full)?.fix).toBe('use another subnet: this one is full');
  });

  it('do not exist in blocks that are too small to be a subnet', () => {
    const tiny = cidrAround(parseAddress('10.0.0.0'), 30);
    expect(() => reservedAddresses(tiny)).toThrow(RangeError);
    expect(() => usableAddressCount(tiny)).toThrow(RangeError);
    expect(() => nextFreeAddress(tiny, [])).toThrow(RangeError);
  });
});
