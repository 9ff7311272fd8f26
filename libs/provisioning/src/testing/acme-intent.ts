import type { IntentRoute, VpcIntent } from '#topology';

const VPC = 'vpc-65000000000000001';
export const PUBLIC_TABLE = 'rtb-65000000000000001';
export const PRIVATE_TABLE = 'rtb-65000000000000002';
export const IGW = 'igw-65000000000000001';
export const NAT = 'nat-65000000000000001';
export const VGW = 'vgw-65000000000000001';
export const subnetId = (n: number) => `subnet-6500000000000000${n}`;

export const local = (destination: string): IntentRoute => ({
  destination,
  origin: 'local',
  target: { kind: 'local', id: null },
  state: 'active',
});
export const route = (
  destination: string,
  kind: 'internet-gateway' | 'nat-gateway' | 'vpn-gateway',
  id: string,
  over: Partial<IntentRoute> = {},
): IntentRoute => ({ destination, origin: 'static', target: { kind, id }, state: 'active', ...over });

/** A realistic company: three zones, public and private subnets, NAT, and a VPN to its data centre. */
export function acmeIntent(over: Partial<VpcIntent> = {}): VpcIntent {
  return {
    tenantId: 'tnt-65000000000000001',
    vpcId: VPC,
    name: 'acme',
    generation: 12,
    deleting: false,
    cidrBlocks: [
      { id: 'vpc-cidr-assoc-65000000000000001', cidr: '10.0.0.0/16' },
      { id: 'vpc-cidr-assoc-65000000000000002', cidr: 'fd00:ac:3e::/56' },
    ],
    subnets: [1, 2, 3, 4, 5, 6].map((n) => ({
      id: subnetId(n),
      name: null,
      zone: `zone-${((n - 1) % 3) + 1}`,
      cidr: `10.0.${n}.0/24`,
      ipv6Cidr: n <= 3 ? `fd00:ac:3e:${n}::/64` : null,
      routeTableId: n <= 3 ? PUBLIC_TABLE : PRIVATE_TABLE,
    })),
    routeTables: [
      {
        id: PUBLIC_TABLE,
        main: true,
        routes: [
          local('10.0.0.0/16'),
          local('fd00:ac:3e::/56'),
          route('0.0.0.0/0', 'internet-gateway', IGW),
          route('::/0', 'internet-gateway', IGW),
        ],
      },
      {
        id: PRIVATE_TABLE,
        main: false,
        routes: [
          local('10.0.0.0/16'),
          local('fd00:ac:3e::/56'),
          route('0.0.0.0/0', 'nat-gateway', NAT),
          route('172.16.0.0/16', 'vpn-gateway', VGW, { origin: 'vpn-static' }),
        ],
      },
    ],
    internetGateway: { id: IGW },
    natGateways: [
      {
        id: NAT,
        subnetId: subnetId(1),
        privateAddress: '10.0.1.4',
        publicAddress: '203.0.113.10',
        elasticIpId: 'eipalloc-65000000000000001',
      },
    ],
    vpnGateway: { id: VGW },
    vpnConnections: [
      {
        id: 'vpn-65000000000000001',
        customerGatewayId: 'cgw-65000000000000001',
        remotePrefixes: ['172.16.0.0/16'],
        tunnelBlock: '169.254.6.0/30',
        insideAddress: '169.254.6.1',
        customerInsideAddress: '169.254.6.2',
      },
    ],
    ...over,
  };
}
