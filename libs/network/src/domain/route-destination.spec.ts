import fc from 'fast-check';
import { requireRouteDestination } from './route-destination.js';

const blocks = ['10.0.0.0/16', '10.2.0.0/24', 'fd00:1::/56'];

describe('the destination of a static route', () => {
  it.each([
    ['0.0.0.0/0', 'nat-gateway'],
    ['10.0.0.0/8', 'internet-gateway'],
    ['10.1.0.0/16', 'vpn-gateway'],
    ['203.0.113.7/32', 'internet-gateway'],
    ['::/0', 'internet-gateway'],
    ['fd00::/16', 'vpn-gateway'],
  ] as const)('%s may go to a %s', (destination, kind) => {
    expect(requireRouteDestination(destination, kind, blocks)).toBe(destination);
  });

  it.each([
    ['10.0.3.0/24', 'nat-gateway', 'route.inside-vpc'],
    ['10.2.0.9/32', 'vpn-gateway', 'route.inside-vpc'],
    ['fd00:1:0:1::/64', 'vpn-gateway', 'route.inside-vpc'],
    ['::/0', 'nat-gateway', 'route.nat-is-ipv4'],
    ['127.0.0.0/8', 'internet-gateway', 'route.unroutable'],
    ['169.254.169.254/32', 'internet-gateway', 'route.unroutable'],
    ['224.0.0.0/4', 'vpn-gateway', 'route.unroutable'],
    ['fe80::/10', 'vpn-gateway', 'route.unroutable'],
    ['10.9.0.1/16', 'vpn-gateway', 'ip.host-bits'],
    ['10.9.0.0', 'vpn-gateway', 'ip.prefix-length'],
  ] as const)('%s to a %s breaks %s', (destination, kind, rule) => {
    expect(() => requireRouteDestination(destination, kind, blocks)).toThrow(
      expect.objectContaining({
        category: 'invalid',
        errors: [expect.objectContaining({ pointer: '/destinationCidrBlock', rule, fix: expect.any(String) })],
      }),
    );
  });

  it.each(blocks)('%s is the local route, which stays', (block) => {
    expect(() => requireRouteDestination(block, 'vpn-gateway', blocks)).toThrow(
      expect.objectContaining({ category: 'conflict', code: 'LocalRoute' }),
    );
  });

  it('takes no address of the VPC away from its local routes, whatever is asked', () => {
    const ipv4 = fc.tuple(fc.nat(0xffff), fc.integer({ min: 9, max: 32 })).map(([low, length]) => {
      const value = ((10 << 24) | (low << 8)) >>> 0;
      const network = length === 32 ? value : (value >>> (32 - length)) * 2 ** (32 - length);
      return { network, length };
    });
    fc.assert(
      fc.property(ipv4, ({ network, length }) => {
        const text = `${network >>> 24}.${(network >>> 16) & 255}.${(network >>> 8) & 255}.${network & 255}/${length}`;
        // Inside 10.0.0.0/16, by arithmetic of its own: the first 16 bits are those of 10.0.
        const inside = length >= 16 && Math.floor(network / 65_536) === 10 * 256;
        const allowed = () => requireRouteDestination(text, 'vpn-gateway', ['10.0.0.0/16']);
        if (inside) expect(allowed).toThrow();
        else expect(allowed()).toBe(text);
      }),
    );
  });
});
