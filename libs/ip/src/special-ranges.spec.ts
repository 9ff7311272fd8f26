import { BlockList } from 'node:net';
import fc from 'fast-check';
import { addressOf, formatAddress, parseAddress } from './address.js';
import { notPublicBecause } from './special-ranges.js';

/**
 * An oracle of its own: Node.js's BlockList over the ranges of IANA's registries that are not globally reachable
 * (https://www.iana.org/assignments/iana-ipv4-special-registry, .../iana-ipv6-special-registry, read in 2026), with all that
 * embeds IPv4 (6to4, Teredo, NAT64, mapped) and all of IPv6 outside 2000::/3.
 */
const IPV4 = `0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
  192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 255.255.255.255/32`;
const IPV6 = '::/3 4000::/2 8000::/1 2001::/23 2001:db8::/32 2002::/16 3fff::/20';

/** Two lists: to one list an IPv4 address is also its mapped IPv6 one. */
const oracles = { ipv4: blockList(IPV4, 'ipv4'), ipv6: blockList(IPV6, 'ipv6') };

function blockList(ranges: string, family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  for (const range of ranges.split(/\s+/)) {
    const [net = '', length = ''] = range.split('/');
    list.addSubnet(net, Number(length), family);
  }
  return list;
}

function special(text: string): boolean {
  const family = text.includes(':') ? 'ipv6' : 'ipv4';
  return oracles[family].check(text, family);
}

describe('notPublicBecause', () => {
  it.each([
    ['127.0.0.1', /loopback/],
    ['::1', /loopback/],
    ['::', /unspecified/],
    ['169.254.169.254', /link local/],
    ['10.255.255.255', /private/],
    ['100.127.255.255', /carriers/],
    ['172.31.0.1', /private/],
    ['fd00::1', /private/],
    ['fe80::1', /link local/],
    ['64:ff9b::a00:1', /NAT64/],
    ['2002:a00:1::1', /6to4/],
    ['2001::1', /Teredo/],
    ['ff02::1', /multicast/],
    ['239.1.2.3', /multicast/],
    ['2001:db8::1', /documentation/],
    ['4000::1', /not global/],
  ])('names what %s is', (text, name) => {
    expect(notPublicBecause(parseAddress(text))).toMatch(name);
  });

  it.each([
    '1.1.1.1',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '223.255.255.255',
    '2001:200::1',
    '2001:db7:ffff::1',
    '2606:4700::1111',
    '2a00::1',
    '3ffe::1',
  ])('takes %s for a public host', (text) => {
    expect(notPublicBecause(parseAddress(text))).toBeUndefined();
  });

  it('agrees with the registries on every address, near the edges of their ranges above all', () => {
    const any4 = fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((value) => addressOf(4, BigInt(value)));
    const any6 = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map((value) => addressOf(6, value));
    const edges = [...IPV4.split(/\s+/), ...IPV6.split(' ')].flatMap((range) => {
      const [net = '', length = ''] = range.split('/');
      const { version, value } = parseAddress(net);
      const bits = version === 4 ? 32n : 128n;
      const size = 1n << (bits - BigInt(length));
      return [value - 1n, value, value + 1n, value + size - 1n, value + size]
        .filter((near) => near >= 0n && near >> bits === 0n)
        .map((near) => addressOf(version, near));
    });
    fc.assert(
      fc.property(fc.oneof(any4, any6, fc.constantFrom(...edges)), (address) => {
        expect(notPublicBecause(address) !== undefined).toBe(special(formatAddress(address)));
      }),
      { numRuns: 5_000 },
    );
  });
});
