import { IpRuleError } from '#ip';
import { formatEndpoint, parseEndpoint, requireUnicast } from './gateway-host-endpoint.js';

function ruleOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof IpRuleError) return error.rule;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('the endpoint of a gateway host', () => {
  it.each([
    ['vpn1.example.net:51820', 'vpn1.example.net', 51820],
    ['gateway:1', 'gateway', 1],
    ['xn--bcher-kva.example:65535', 'xn--bcher-kva.example', 65535],
    ['203.0.113.7:51820', '203.0.113.7', 51820],
    ['[2001:db8::7]:51820', '2001:db8::7', 51820],
  ])('%s is read and written back', (text, host, port) => {
    expect(parseEndpoint(text)).toEqual({ host, port });
    expect(formatEndpoint({ host, port })).toBe(text);
  });

  it.each([
    ['', 'endpoint.form'],
    ['vpn1.example.net', 'endpoint.form'],
    ['vpn1.example.net:', 'endpoint.form'],
    ['vpn1.example.net:0', 'endpoint.form'],
    ['vpn1.example.net:051820', 'endpoint.form'],
    ['vpn1.example.net:65536', 'endpoint.form'],
    ['vpn1.example.net:51820\n', 'endpoint.form'],
    ['vpn1.example.net\nPostUp = rm:51820', 'endpoint.host-name'],
    ['2001:db8::7:51820', 'endpoint.form'],
    ['[vpn1.example.net]:51820', 'ip.characters'],
    ['[203.0.113.7]:51820', 'ip.version'],
    ['VPN1.example.net:51820', 'endpoint.host-name'],
    ['vpn1.example.net.:51820', 'endpoint.host-name'],
    ['-vpn.example.net:51820', 'endpoint.host-name'],
    ['vpn_1.example.net:51820', 'endpoint.host-name'],
    ['büro.example.net:51820', 'endpoint.host-name'],
    [`${'a'.repeat(64)}.net:51820`, 'endpoint.host-name'],
    ['user@vpn1.example.net:51820', 'endpoint.host-name'],
    ['010.0.0.1:51820', 'ip.leading-zero'],
    ['10.0.0:51820', 'ip.syntax'],
    ['127.0.0.1:51820', 'ip.unicast'],
    ['[::1]:51820', 'ip.unicast'],
    ['224.0.0.1:51820', 'ip.unicast'],
  ])('%j is refused by %s', (text, rule) => {
    expect(ruleOf(() => parseEndpoint(text))).toBe(rule);
  });
});

describe('an address of the other side', () => {
  it.each(['198.51.100.7', '10.1.2.3', '2001:db8::1'])('%s can be sent to', (text) => {
    expect(requireUnicast(text)).toBe(text);
  });

  it.each([
    ['0.0.0.0', 'ip.unicast'],
    ['255.255.255.255', 'ip.unicast'],
    ['239.1.1.1', 'ip.unicast'],
    ['169.254.1.1', 'ip.unicast'],
    ['fe80::1', 'ip.unicast'],
    ['ff02::1', 'ip.unicast'],
    ['::', 'ip.unicast'],
    ['::ffff:198.51.100.7', 'ip.v4-mapped'],
    ['2001:DB8::1', 'ip.canonical'],
    ['198.51.100.7/32', 'ip.single-address'],
    ['198.51.100.07', 'ip.leading-zero'],
    ['fe80::1%eth0', 'ip.zone-id'],
    ['gateway.example.net', 'ip.characters'],
  ])('%s is refused by %s', (text, rule) => {
    expect(ruleOf(() => requireUnicast(text))).toBe(rule);
  });
});
