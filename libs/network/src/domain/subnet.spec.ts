import { freeBlockFix, requireSubnetFits } from './subnet.js';

const blocks = ['10.0.0.0/16', 'fd00:1::/56'];
const zones = ['zone-1', 'zone-2'];

describe('a subnet', () => {
  it('lies in one block of its VPC for each IP version, in a zone that there is', () => {
    const good = { cidrBlock: '10.0.1.0/24', ipv6CidrBlock: 'fd00:1:0:1::/64', zone: 'zone-1' };
    expect(() => requireSubnetFits(good, blocks, zones)).not.toThrow();
    const rulesOf = (bad: Partial<typeof good>) => {
      try {
        requireSubnetFits({ ...good, ...bad }, blocks, zones);
        return [];
      } catch (error) {
        return (error as { errors: { pointer: string; rule: string }[] }).errors.map((e) => `${e.pointer} ${e.rule}`);
      }
    };
    expect(rulesOf({ cidrBlock: '10.1.0.0/24' })).toEqual(['/cidrBlock subnet.block-outside-vpc']);
    expect(rulesOf({ ipv6CidrBlock: 'fd00:2::/64' })).toEqual(['/ipv6CidrBlock subnet.block-outside-vpc']);
    expect(rulesOf({ cidrBlock: 'fd00:1::/64' })).toEqual(['/cidrBlock ip.version']);
    expect(rulesOf({ zone: 'moon' })).toEqual(['/zone zone.known']);
  });

  it('that overlaps another is told the lowest free block of its size', () => {
    const taken = ['10.0.0.0/24', '10.0.1.0/25', 'fd00:1::/64'];
    expect(freeBlockFix('10.0.1.0/25', blocks, taken)).toContain('use 10.0.1.128/25,');
    expect(freeBlockFix('10.0.0.0/24', blocks, taken)).toContain('use 10.0.2.0/24,');
    expect(freeBlockFix('fd00:1::/64', blocks, taken)).toContain('use fd00:1:0:1::/64,');
    expect(freeBlockFix('10.0.0.0/16', blocks, taken)).toContain('no /16 is free');
  });
});
