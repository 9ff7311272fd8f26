import { parseCidr } from '#ip';
import { isPrivateCidr, requireSecondaryCidr, requireVpcCidr } from './vpc.js';

const context = { blocks: ['10.0.0.0/16', 'fd00:1::/56'], routeDestinations: [], remotePrefixes: [], poolRanges: [] };

describe('a block of a VPC', () => {
  it('is private, or of a pool of the operator', () => {
    expect(isPrivateCidr('172.16.0.0/16')).toBe(true);
    expect(isPrivateCidr('203.0.113.0/24')).toBe(false);
    expect(() => requireVpcCidr('/cidrBlock', '203.0.113.0/24', 4)).toThrow(
      expect.objectContaining({ errors: [expect.objectContaining({ rule: 'vpc.block-range' })] }),
    );
    expect(() => requireVpcCidr('/cidrBlock', '203.0.113.0/24', 4, [parseCidr('203.0.113.0/24')])).not.toThrow();
  });

  it('has the IP version of its field', () => {
    expect(() => requireVpcCidr('/ipv6CidrBlock', '10.0.0.0/16', 6)).toThrow(
      expect.objectContaining({ errors: [expect.objectContaining({ pointer: '/ipv6CidrBlock', rule: 'ip.version' })] }),
    );
  });
});

describe('a further block of a VPC', () => {
  it.each(['10.1.0.0/16', '192.168.0.0/24', 'fd00:2::/56'])('%s is taken', (cidr) => {
    expect(requireSecondaryCidr(cidr, context)).toBe(cidr);
  });

  it('overlaps none of the VPC; the lowest free one is named', () => {
    expect(() => requireSecondaryCidr('10.0.128.0/17', { ...context, blocks: ['10.0.0.0/16', '10.1.0.0/17'] })).toThrow(
      expect.objectContaining({
        code: 'CidrBlockOverlap',
        category: 'conflict',
        errors: [
          expect.objectContaining({ pointer: '/cidrBlock', fix: expect.stringContaining('use 10.1.128.0/17,') }),
        ],
      }),
    );
  });

  it('may lie in the destination of a route, but neither equals nor contains one', () => {
    const routed = { ...context, routeDestinations: ['0.0.0.0/0', '10.8.0.0/14', '10.1.7.0/24', '10.2.0.0/16'] };
    expect(requireSecondaryCidr('10.9.0.0/16', routed)).toBe('10.9.0.0/16');
    for (const cidr of ['10.1.0.0/16', '10.2.0.0/16']) {
      expect(() => requireSecondaryCidr(cidr, routed)).toThrow(
        expect.objectContaining({ errors: [expect.objectContaining({ rule: 'vpc.block-covers-route' })] }),
      );
    }
  });

  it('overlaps no network behind a VPN connection, from whichever side', () => {
    const linked = { ...context, remotePrefixes: ['172.16.0.0/16', '10.1.0.0/16'] };
    for (const cidr of ['172.16.0.0/16', '172.16.9.0/24', '10.1.0.0/20']) {
      expect(() => requireSecondaryCidr(cidr, linked)).toThrow(
        expect.objectContaining({ errors: [expect.objectContaining({ rule: 'vpc.block-remote-prefix' })] }),
      );
    }
    expect(() => requireSecondaryCidr('10.0.0.0/16', linked)).toThrow(
      expect.objectContaining({ errors: [expect.objectContaining({ fix: expect.stringContaining('10.2.0.0/16') })] }),
    );
  });

  it('is offered where no route would be covered, also below a default route', () => {
    const routed = { ...context, routeDestinations: ['0.0.0.0/0', '10.1.7.0/24', '10.2.0.0/16'] };
    expect(() => requireSecondaryCidr('10.0.0.0/16', routed)).toThrow(
      expect.objectContaining({ errors: [expect.objectContaining({ fix: expect.stringContaining('10.3.0.0/16') })] }),
    );
  });
});
