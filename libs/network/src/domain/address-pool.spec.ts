import { type PoolPurpose, requirePoolRange } from './address-pool.js';

describe('the range of an address pool', () => {
  it.each([
    ['203.0.113.0/24', 'public'],
    ['203.0.113.7/32', 'public'],
    ['198.18.0.0/16', 'public'],
    ['203.0.113.0/24', 'vpc'],
    ['2001:db8::/32', 'vpc'],
  ] as [string, PoolPurpose][])('%s can be %s', (range, purpose) => {
    expect(requirePoolRange(range, purpose)).toBe(range);
  });

  it.each([
    ['203.0.0.0/15', 'public', 'pool.size'],
    ['203.0.113.0/29', 'vpc', 'pool.size'],
    ['2001:db8::/64', 'vpc', 'pool.size'],
    ['2001:db8::/56', 'public', 'pool.ipv4'],
    ['224.0.0.0/16', 'public', 'pool.unroutable'],
    ['169.254.0.0/16', 'vpc', 'pool.unroutable'],
    ['203.0.113.1/24', 'public', 'ip.host-bits'],
  ] as [string, PoolPurpose, string][])('%s cannot be %s: %s', (range, purpose, rule) => {
    expect(() => requirePoolRange(range, purpose)).toThrow(
      expect.objectContaining({ errors: [expect.objectContaining({ pointer: '/cidrBlock', rule })] }),
    );
  });
});
