import { insertOperations, type NbRow } from '#ovn';
import { missingOvnPrograms, TestNorthbound } from '../../../../test/support/northbound.js';
import { acmeIntent, IGW, route, subnetId, VGW } from '../testing/acme-intent.js';
import { DEFAULT_CELL } from './cell.js';
import { renderNorthbound } from './render-northbound.js';

const EXTERNAL_PORT = 'lrp-ext-vpc-65000000000000001';
const macOfPort = (rows: NbRow[], name: string) =>
  rows.flatMap((row) => (row.table === 'Logical_Router_Port' && row.columns.name === name ? [row.columns.mac] : []))[0];

if (missingOvnPrograms.length > 0) {
  it('the plan on a real OVN is not tested here: programs are missing', () => {
    console.warn(`NOT TESTED: the rows of a VPC on a real OVN (missing: ${missingOvnPrograms.join(', ')})`);
  });
} else {
  describe('the rows of a VPC on a real OVN', () => {
    // Beside the plain company: translation narrowed by an address set, and a private subnet with a route around it.
    const intent = acmeIntent();
    intent.routeTables[1]?.routes.push(route('198.51.100.0/24', 'internet-gateway', IGW));
    const rows = renderNorthbound(intent, DEFAULT_CELL);
    let ovn: TestNorthbound;

    beforeAll(() => {
      ovn = new TestNorthbound();
      expect(ovn.transact(insertOperations(rows))).toEqual([]);
      for (const n of [1, 4, 5]) {
        const addresses = `02:00:00:00:00:0${n} 10.0.${n}.10`;
        ovn.nbctl('lsp-add', subnetId(n), `vm${n}`, '--', 'lsp-set-addresses', `vm${n}`, addresses);
      }
      ovn.nbctl('--wait=sb', 'sync');
      ovn.learn(intent.vpcId, EXTERNAL_PORT, '169.254.0.1');
      ovn.learn(intent.vpcId, EXTERNAL_PORT, 'fe80::1');
    });
    afterAll(() => ovn.remove());

    const from = (n: number, destination: string) => {
      const router = macOfPort(rows, `lrp-${subnetId(n)}`);
      const [version, source] = destination.includes(':') ? ['ip6', `fd00:ac:3e:${n}::10`] : ['ip4', `10.0.${n}.10`];
      return ovn.trace(
        `inport == "vm${n}" && eth.src == 02:00:00:00:00:0${n} && eth.dst == ${router} && ${version}.src == ${source} && ` +
          `${version}.dst == ${destination} && ip.ttl == 64 && ${version === 'ip4' ? 'icmp4' : 'icmp6'}`,
      );
    };
    const fromVpn = (source: string) =>
      ovn.trace(
        `inport == "lsp-${VGW}" && eth.src == 0a:e6:d6:43:b8:c9 && eth.dst == ${macOfPort(rows, `lrp-${VGW}`)} && ` +
          `ip4.src == ${source} && ip4.dst == 10.0.4.10 && ip.ttl == 64 && icmp4`,
      );

    it('are taken without a complaint, by the database and by northd', () => {
      expect(ovn.warnings()).toEqual([]);
    });

    it.each([
      ['between subnets', 4, '10.0.5.10', 'vm5'],
      // Not further: ovn-trace compares the addresses of port security, and not its prefixes.
      ['to the segment of the VPN', 4, '172.16.1.1', `lrp-${VGW}`],
      ['of IPv6 to the outside', 1, '2001:db8::1', 'lsp-ext-vpc-65000000000000001-localnet'],
    ])('carry packets %s', (_what, n, destination, port) => {
      expect(from(n, destination)).toContain(`output to "${port}"`);
    });

    it('carry packets to the outside through the NAT gateway, with its public address', () => {
      const trace = from(4, '8.8.8.8');
      expect(trace).toMatch(/ct_snat(_in_czone)?\(203\.0\.113\.10\)/);
      expect(trace).toContain('output to "lsp-ext-vpc-65000000000000001-localnet"');
    });

    it.each([
      ['to an address of the VPC in no subnet', 4, '10.0.99.9'],
      ['from a public subnet without a public address', 1, '8.8.8.8'],
      ['from a private subnet around its NAT gateway', 4, '198.51.100.7'],
      ['to the data centre from a table without that route', 1, '172.16.1.1'],
    ])('drop packets %s', (_what, n, destination) => {
      const trace = from(n, destination);
      expect(trace).toContain('drop;');
      expect(trace).not.toMatch(/output to "(vm|lrp-(ext|vgw))/);
    });

    it('let the VPN’s namespace reach a subnet, and not with an address of the VPC', () => {
      expect(fromVpn('169.254.1.2')).toContain('output to "vm4"');
      expect(fromVpn('10.0.5.10')).not.toContain('output to "vm4"');
    });
  });
}
