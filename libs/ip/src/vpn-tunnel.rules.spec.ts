import { formatAddress } from './address.js';
import { type Cidr, formatCidr, parseCidr } from './cidr.js';
import { IpRuleError } from './ip-rule.error.js';
import { nextFreeTunnelBlock, requireRemotePrefix, requireTunnelBlock, tunnelAddresses } from './vpn-tunnel.rules.js';

const cidrs = (...texts: string[]): Cidr[] => texts.map((text) => parseCidr(text));

function broken(work: () => void): { rule: string; message: string; fix: string } | null {
  try {
    work();
    return null;
  } catch (error) {
    if (!(error instanceof IpRuleError)) throw error;
    return { rule: error.rule, message: error.message, fix: error.fix };
  }
}

describe("a tunnel's inside block", () => {
  const check = (text: string, ...taken: string[]) =>
    broken(() => requireTunnelBlock(parseCidr(text), cidrs(...taken)));

  it.each(['169.254.0.4/30', '169.254.5.4/30', '169.254.6.0/30', '169.254.169.248/30', '169.254.255.252/30'])(
    'may be %s',
    (text) => {
      expect(check(text)).toBeNull();
    },
  );

  it.each([
    ['169.254.0.0/30', 'vpn.tunnel-reserved'],
    ['169.254.1.0/30', 'vpn.tunnel-reserved'],
    ['169.254.2.0/30', 'vpn.tunnel-reserved'],
    ['169.254.3.0/30', 'vpn.tunnel-reserved'],
    ['169.254.4.0/30', 'vpn.tunnel-reserved'],
    ['169.254.5.0/30', 'vpn.tunnel-reserved'],
    ['169.254.169.252/30', 'vpn.tunnel-reserved'],
    ['169.254.8.0/29', 'vpn.tunnel-range'],
    ['169.254.8.0/31', 'vpn.tunnel-range'],
    ['169.254.0.0/16', 'vpn.tunnel-range'],
    ['169.253.0.4/30', 'vpn.tunnel-range'],
    ['10.0.0.0/30', 'vpn.tunnel-range'],
    ['fe80::/30', 'vpn.tunnel-range'],
  ])('may not be %s', (text, rule) => {
    expect(check(text)).toMatchObject({ rule, fix: 'use 169.254.0.4/30, which is free, or leave the block out' });
  });

  it('belongs to one tunnel of the gateway', () => {
    expect(check('169.254.0.4/30', '169.254.0.8/30')).toBeNull();
    expect(check('169.254.0.4/30', '169.254.0.4/30')).toEqual({
      rule: 'vpn.tunnel-taken',
      message: '169.254.0.4/30 is in use by another tunnel of this VPN gateway',
      fix: 'use 169.254.0.8/30, which is free, or leave the block out',
    });
  });

  it('is given out lowest first, without the reserved ones, until all are used', () => {
    const given: Cidr[] = [];
    for (let free = nextFreeTunnelBlock(given); free && given.length < 200; free = nextFreeTunnelBlock(given)) {
      expect(broken(() => requireTunnelBlock(free!, given))).toBeNull();
      given.push(free);
    }
    expect(given.slice(0, 2).map(formatCidr)).toEqual(['169.254.0.4/30', '169.254.0.8/30']);
    expect(given.map(formatCidr)).not.toContain('169.254.1.0/30');
    expect(nextFreeTunnelBlock(cidrs('169.254.0.0/16'))).toBeNull();
    expect(check('169.254.0.4/30', '169.254.0.0/16')?.fix).toBe('delete an unused tunnel first');
  });

  it('gives the first address to the VPN gateway and the second to the customer', () => {
    const { vpnGateway, customerGateway } = tunnelAddresses(parseCidr('169.254.6.4/30'));
    expect([vpnGateway, customerGateway].map(formatAddress)).toEqual(['169.254.6.5', '169.254.6.6']);
  });
});

describe('a prefix on the other side', () => {
  const vpc = cidrs('10.0.0.0/16', '10.4.0.0/16', 'fd00:1::/56');
  const check = (text: string) => broken(() => requireRemotePrefix(parseCidr(text), vpc));

  it.each(['172.16.0.0/16', '10.1.0.0/16', '203.0.113.7/32', 'fd00:2::/48', '2001:db8::/32'])('may be %s', (text) => {
    expect(check(text)).toBeNull();
  });

  it.each([
    ['10.0.0.0/16', 'vpn.remote-prefix-overlap'],
    ['10.0.7.0/24', 'vpn.remote-prefix-overlap'],
    ['10.4.0.1/32', 'vpn.remote-prefix-overlap'],
    ['10.0.0.0/8', 'vpn.remote-prefix-overlap'],
    ['0.0.0.0/0', 'vpn.remote-prefix-overlap'],
    ['::/0', 'vpn.remote-prefix-overlap'],
    ['fd00:1:0:ff::/64', 'vpn.remote-prefix-overlap'],
    ['127.0.0.0/8', 'vpn.remote-prefix-unroutable'],
    ['169.254.0.4/30', 'vpn.remote-prefix-unroutable'],
    ['224.0.0.0/8', 'vpn.remote-prefix-unroutable'],
    ['fe80::/64', 'vpn.remote-prefix-unroutable'],
  ])('may not be %s (%s)', (text, rule) => {
    expect(check(text)?.rule).toBe(rule);
  });

  it('names every block of the VPC that it overlaps', () => {
    expect(check('10.0.0.0/8')).toEqual({
      rule: 'vpn.remote-prefix-overlap',
      message: '10.0.0.0/8 overlaps 10.0.0.0/16, 10.4.0.0/16 of the VPC',
      fix: 'use a prefix that does not overlap 10.0.0.0/16, 10.4.0.0/16',
    });
  });
});
