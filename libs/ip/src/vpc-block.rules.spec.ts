import { type Cidr, parseCidr } from './cidr.js';
import { IpRuleError } from './ip-rule.error.js';
import { requireSecondaryBlock, requireVpcBlock, type SecondaryBlockContext } from './vpc-block.rules.js';

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

const check = (text: string, ...pools: string[]) => broken(() => requireVpcBlock(parseCidr(text), cidrs(...pools)));

describe('a VPC block', () => {
  it.each([
    '10.0.0.0/16',
    '10.255.255.240/28',
    '172.16.0.0/16',
    '172.31.0.0/16',
    '192.168.0.0/16',
    '100.64.0.0/16',
    '100.127.255.0/24',
    'fd00::/44',
    'fd00:1::/48',
    'fd12:3456:789a::/56',
    'fdff:ffff:ffff:fff0::/60',
  ])('may be %s', (text) => {
    expect(check(text)).toBeNull();
  });

  it.each([
    ['10.0.0.0/15', 'vpc.block-size', '10.0.0.0/16'],
    ['0.0.0.0/0', 'vpc.block-size', '0.0.0.0/16'],
    ['10.0.0.16/29', 'vpc.block-size', '10.0.0.16/28'],
    ['10.0.0.8/29', 'vpc.block-size', '10.0.0.0/28'],
    ['10.0.0.1/32', 'vpc.block-size', '10.0.0.0/28'],
    ['fd00::/43', 'vpc.block-size', 'fd00::/44'],
    ['fd00::/8', 'vpc.block-size', 'fd00::/44'],
    ['fd00:0:0:100::/57', 'vpc.block-size', 'fd00:0:0:100::/56'],
    ['fd00:0:0:120::/59', 'vpc.block-size', 'fd00:0:0:100::/56'],
    ['fd00::/64', 'vpc.block-size', 'fd00::/60'],
    ['127.0.0.0/16', 'vpc.block-unroutable', 'loopback'],
    ['169.254.0.0/16', 'vpc.block-unroutable', 'link local'],
    ['0.0.0.0/16', 'vpc.block-unroutable', 'this network'],
    ['224.0.0.0/16', 'vpc.block-unroutable', 'multicast'],
    ['239.255.0.0/16', 'vpc.block-unroutable', 'multicast'],
    ['240.0.0.0/16', 'vpc.block-unroutable', 'reserved'],
    ['255.255.0.0/16', 'vpc.block-unroutable', 'reserved'],
    ['fe80::/48', 'vpc.block-unroutable', 'link local'],
    ['ff00::/48', 'vpc.block-unroutable', 'multicast'],
    ['::/48', 'vpc.block-unroutable', 'loopback'],
    ['8.8.0.0/16', 'vpc.block-range', '10.0.0.0/8'],
    ['172.15.0.0/16', 'vpc.block-range', '172.16.0.0/12'],
    ['172.32.0.0/16', 'vpc.block-range', '172.16.0.0/12'],
    ['192.169.0.0/16', 'vpc.block-range', '192.168.0.0/16'],
    ['100.63.0.0/16', 'vpc.block-range', '100.64.0.0/10'],
    ['100.128.0.0/16', 'vpc.block-range', '100.64.0.0/10'],
    ['2001:db8::/48', 'vpc.block-range', 'fd00::/8'],
    ['fc00::/48', 'vpc.block-range', 'fd00::/8'],
  ])('may not be %s (%s)', (text, rule, named) => {
    const error = check(text);
    expect(error?.rule).toBe(rule);
    expect(`${error?.message} ${error?.fix}`).toContain(named);
  });

  it('may be of an operator pool, also across two ranges of it', () => {
    expect(check('198.51.100.0/24', '198.51.100.0/24')).toBeNull();
    expect(check('2001:db8:1::/48', '2001:db8::/32')).toBeNull();
    expect(check('203.0.112.0/23', '203.0.112.0/24', '203.0.113.0/24')).toBeNull();
    expect(check('203.0.112.0/22', '203.0.112.0/24', '203.0.113.0/24')).toEqual({
      rule: 'vpc.block-range',
      message: '203.0.112.0/22 is neither private nor in an address pool of the operator',
      fix: 'use a block inside 10.0.0.0/8, 100.64.0.0/10, 172.16.0.0/12, 192.168.0.0/16, 203.0.112.0/23',
    });
  });

  it('may never be unroutable, even if an operator pool says so', () => {
    expect(check('127.0.0.0/16', '0.0.0.0/0')?.rule).toBe('vpc.block-unroutable');
    expect(check('ff00::/48', '::/0')?.rule).toBe('vpc.block-unroutable');
    expect(check('8.8.0.0/16', '0.0.0.0/0')).toBeNull();
  });
});

describe('a secondary block', () => {
  const add = (text: string, context: Partial<SecondaryBlockContext>) =>
    broken(() =>
      requireSecondaryBlock(parseCidr(text), { blocks: [], routeDestinations: [], peerBlocks: [], ...context }),
    );

  it('obeys the rules of any block', () => {
    expect(add('8.8.0.0/16', {})?.rule).toBe('vpc.block-range');
    expect(add('8.8.0.0/16', { poolRanges: cidrs('8.0.0.0/8') })).toBeNull();
  });

  it('does not overlap a block of the VPC', () => {
    const blocks = cidrs('10.0.0.0/20', '10.2.0.0/16', 'fd00::/56');
    expect(add('10.1.0.0/16', { blocks })).toBeNull();
    for (const text of ['10.0.0.0/16', '10.0.0.0/20', '10.0.1.0/24', '10.2.0.0/16', 'fd00::/48']) {
      expect(add(text, { blocks })?.rule).toBe('vpc.block-overlap');
    }
    expect(add('10.0.0.0/16', { blocks })).toEqual({
      rule: 'vpc.block-overlap',
      message: '10.0.0.0/16 overlaps 10.0.0.0/20 of this VPC',
      fix: 'use a block that does not overlap 10.0.0.0/20',
    });
  });

  it('neither equals nor contains the destination of a route, but may lie inside one', () => {
    const routeDestinations = cidrs('0.0.0.0/0', '::/0', '10.0.0.0/24');
    expect(add('10.0.0.0/25', { routeDestinations })).toBeNull();
    expect(add('10.1.0.0/16', { routeDestinations })).toBeNull();
    expect(add('fd00::/56', { routeDestinations })).toBeNull();
    expect(add('10.0.0.0/24', { routeDestinations })?.rule).toBe('vpc.block-covers-route');
    expect(add('10.0.0.0/16', { routeDestinations })).toEqual({
      rule: 'vpc.block-covers-route',
      message: '10.0.0.0/16 equals or contains the destination of an existing route: 10.0.0.0/24',
      fix: 'delete these routes first, or use a block that contains none of their destinations',
    });
  });

  it('does not overlap the blocks of a peer', () => {
    expect(add('10.0.0.0/16', { peerBlocks: cidrs('10.0.255.0/24') })?.rule).toBe('vpc.block-overlaps-peer');
    expect(add('10.1.0.0/16', { peerBlocks: cidrs('10.0.255.0/24') })).toBeNull();
  });

  it('keeps a long list of what it collides with short', () => {
    const many = Array.from({ length: 20 }, (_, index) => parseCidr(`10.0.${index}.0/24`));
    expect(add('10.0.0.0/16', { blocks: many })?.message).toMatch(/10\.0\.7\.0\/24 and 12 more of this VPC$/);
  });
});
