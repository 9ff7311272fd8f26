import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { type CustomerConfiguration, renderWgQuick } from './vpn-customer-configuration.js';

const key = (byte: number) => Buffer.alloc(32, byte).toString('base64');

const config: CustomerConfiguration = {
  connection: { id: 'vpn-0123456789abcdef0', name: 'Zürich office' },
  customerPublicKey: key(1),
  customerInsideAddress: '169.254.6.2',
  tunnelBlock: '169.254.6.0/30',
  gatewayPublicKey: key(2),
  gatewayEndpoint: { host: 'vpn1.example.net', port: 51820 },
  presharedKey: key(3),
  vpcCidrs: ['10.0.0.0/16', 'fd00:1::/56'],
};

describe("the customer's configuration", () => {
  it('is the one of wg-quick, with a placeholder for the private key', () => {
    expect(renderWgQuick(config)).toBe(
      [
        '# Freehold VPN connection vpn-0123456789abcdef0 (Zürich office)',
        '[Interface]',
        `PrivateKey = <put the private key of ${key(1)} here>`,
        'Address = 169.254.6.2/30',
        '',
        '[Peer]',
        `PublicKey = ${key(2)}`,
        `PresharedKey = ${key(3)}`,
        'Endpoint = vpn1.example.net:51820',
        'AllowedIPs = 10.0.0.0/16, fd00:1::/56, 169.254.6.0/30',
        'PersistentKeepalive = 25',
        '',
      ].join('\n'),
    );
  });

  it('has brackets around an IPv6 address, and no pre-shared key where it must not be shown', () => {
    const text = renderWgQuick({
      ...config,
      gatewayEndpoint: { host: '2001:db8::7', port: 51821 },
      presharedKey: null,
    });
    expect(text).toContain('Endpoint = [2001:db8::7]:51821\n');
    expect(text).toContain('PresharedKey = <shown by a recorded download only>\n');
  });

  it('no name can add a line: it is one comment, or nothing is written', () => {
    const lines = renderWgQuick(config).split('\n').length;
    const hostile = fc.string({ unit: 'binary' }).map((text) => `x${text}`);
    fc.assert(
      fc.property(hostile, (name) => {
        const render = () => renderWgQuick({ ...config, connection: { ...config.connection, name } });
        if (/[\p{Cc}\u2028\u2029]/u.test(name)) expect(render).toThrow(TypeError);
        else if (!/[\u202a-\u202e\u2066-\u2069]/.test(name) && name.isWellFormed()) {
          expect(render().split(/[\n\r\u0085\u2028\u2029]/)).toHaveLength(lines);
        }
      }),
    );
  });

  it.each<[string, Partial<CustomerConfiguration>]>([
    ['name', { connection: { ...config.connection, name: 'a\n[Peer]' } }],
    ['customer key', { customerPublicKey: `${key(1)}\nPostUp = reboot` }],
    ['inside address', { customerInsideAddress: '169.254.6.2\r' }],
    ['tunnel block', { tunnelBlock: '169.254.6.0/30\n' }],
    ['gateway key', { gatewayPublicKey: `${key(2)}\u0000` }],
    ['endpoint', { gatewayEndpoint: { host: 'vpn1\nPostUp = reboot', port: 1 } }],
    ['pre-shared key', { presharedKey: `${key(3)}\u2028` }],
    ['block', { vpcCidrs: ['10.0.0.0/16\n'] }],
  ])('a control character in the %s is refused', (_name, change) => {
    expect(() => renderWgQuick({ ...config, ...change })).toThrow('has a control character');
  });

  const hasTools = spawnSync('wg-quick', ['--help']).error === undefined;
  it(hasTools ? 'is read by wg-quick' : 'is NOT read by wg-quick here: wireguard-tools is not installed', () => {
    if (!hasTools) return;
    const folder = mkdtempSync(join(tmpdir(), 'freehold-wg-'));
    try {
      const file = join(folder, 'freehold0.conf');
      writeFileSync(file, renderWgQuick(config), { mode: 0o600 });
      const stripped = execFileSync('wg-quick', ['strip', file], { encoding: 'utf8' });
      expect(stripped).toContain(`PresharedKey = ${key(3)}`);
      expect(stripped).toContain('AllowedIPs = 10.0.0.0/16, fd00:1::/56, 169.254.6.0/30');
      expect(stripped).not.toContain('Address');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
