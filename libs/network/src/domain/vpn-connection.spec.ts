import fc from 'fast-check';
import { DomainError } from '#kernel';
import { chooseTunnelBlock, requireRemotePrefixes, tunnelEnds } from './vpn-connection.js';

function refusal(work: () => unknown): { code: string; pointer?: string; rule?: string; fix?: string } {
  try {
    work();
  } catch (error) {
    if (error instanceof DomainError) return { code: error.code, ...error.errors[0] };
    throw error;
  }
  throw new Error('nothing was refused');
}

const VPC = ['10.0.0.0/16', 'fd00:1::/56'];

describe('the prefixes behind a customer gateway', () => {
  it.each([
    [['172.16.0.0/16']],
    [['172.16.0.0/16', '172.16.5.0/24', '192.168.1.0/24']],
    [['fd00:2::/56']],
    [['8.8.8.8/32']],
  ])('%j are taken', (prefixes) => expect(() => requireRemotePrefixes(prefixes, VPC)).not.toThrow());

  it.each([
    [['172.16.0.0/16', '10.0.1.0/24'], '/remotePrefixes/1', 'vpn.remote-prefix-overlap'],
    [['10.0.0.0/8'], '/remotePrefixes/0', 'vpn.remote-prefix-overlap'],
    [['0.0.0.0/0'], '/remotePrefixes/0', 'vpn.remote-prefix-overlap'],
    [['fd00:1::/64'], '/remotePrefixes/0', 'vpn.remote-prefix-overlap'],
    [['169.254.10.0/24'], '/remotePrefixes/0', 'vpn.remote-prefix-unroutable'],
    [['172.16.0.0/16', '172.16.0.0/16'], '/remotePrefixes/1', 'vpn.remote-prefix-once'],
  ])('%j are refused', (prefixes, pointer, rule) => {
    expect(refusal(() => requireRemotePrefixes(prefixes, VPC))).toMatchObject({ code: 'InvalidInput', pointer, rule });
  });

  it('a prefix of another connection is refused by its name; a longer one, and one of its own, are taken', () => {
    const routes = [{ destination: '172.16.0.0/16', vpnConnectionId: 'vpn-1' }];
    expect(refusal(() => requireRemotePrefixes(['172.16.0.0/16'], VPC, routes))).toMatchObject({
      code: 'RemotePrefixTaken',
      message: expect.stringContaining('vpn-1'),
    });
    expect(() => requireRemotePrefixes(['172.16.0.0/24'], VPC, routes)).not.toThrow();
    expect(() => requireRemotePrefixes(['172.16.0.0/16'], VPC, routes, 'vpn-1')).not.toThrow();
  });
});

describe('the block inside a tunnel', () => {
  it('is the one asked for', () => {
    expect(chooseTunnelBlock('169.254.20.4/30', [])).toBe('169.254.20.4/30');
  });

  it.each([
    ['169.254.20.0/29', 'vpn.tunnel-range'],
    ['169.254.20.0/31', 'vpn.tunnel-range'],
    ['10.9.0.0/30', 'vpn.tunnel-range'],
    ['169.254.5.0/30', 'vpn.tunnel-reserved'],
    ['169.254.169.252/30', 'vpn.tunnel-reserved'],
    ['fd00::/30', 'ip.version'],
  ])('%s is refused by %s', (asked, rule) => {
    expect(refusal(() => chooseTunnelBlock(asked, []))).toMatchObject({ pointer: '/tunnelBlock', rule });
  });

  it('is refused when another tunnel of the gateway has it', () => {
    expect(refusal(() => chooseTunnelBlock('169.254.20.4/30', ['169.254.20.4/30'])).code).toBe('TunnelBlockTaken');
  });

  it('is otherwise a free one, as long as there is one', () => {
    const third = fc.integer({ min: 0, max: 255 });
    const block = fc.tuple(third, third).map(([c, d]) => `169.254.${c}.${d & ~3}/30`);
    fc.assert(
      fc.property(fc.uniqueArray(block, { maxLength: 200 }), (taken) => {
        const chosen = chooseTunnelBlock(undefined, taken);
        expect(chosen).toMatch(/^169\.254\.\d+\.\d+\/30$/);
        expect(taken).not.toContain(chosen);
        expect(() => chooseTunnelBlock(chosen, taken)).not.toThrow();
      }),
    );
    const all = Array.from({ length: 2 ** 14 }, (_, n) => `169.254.${n >> 6}.${(n & 63) << 2}/30`);
    expect(refusal(() => chooseTunnelBlock(undefined, all)).code).toBe('TunnelBlocksUsedUp');
  });

  it('has the gateway first and the customer second', () => {
    expect(tunnelEnds('169.254.20.4/30')).toEqual({
      insideAddress: '169.254.20.5',
      customerInsideAddress: '169.254.20.6',
    });
  });
});
