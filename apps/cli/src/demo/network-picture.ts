import type { Paint } from '../output/paint.js';
import type { BuiltVpc } from './build-network.js';
import type { RouteTableScenario } from './scenario.js';

/** A VPC as a person draws it: what it reaches, and its subnets under the table that routes them. */
export function drawVpc(tenant: string, built: BuiltVpc, paint: Paint): string {
  const { scenario } = built;
  const { vpn } = scenario;
  const lines = [`${paint.bold(tenant)}: VPC ${scenario.name} ${paint.bold(scenario.cidrBlock)}`];
  if (scenario.internetGateway) lines.push('├─ internet gateway ⇄ the internet');
  if (vpn) {
    const { name, address } = vpn.customerGateway;
    lines.push(`├─ VPN gateway ⇄ ${name} (${address}), behind it ${vpn.remotePrefixes.join(', ')}`);
  }
  for (const [at, table] of scenario.routeTables.entries()) {
    const last = at === scenario.routeTables.length - 1;
    lines.push(`${last ? '└─' : '├─'} ${table.name}: ${routesOf(built, table).join('; ')}`);
    const stem = last ? '   ' : '│  ';
    const subnets = scenario.subnets.filter((subnet) => subnet.routeTable === table.name);
    for (const [index, { name, zone, cidrBlock }] of subnets.entries()) {
      const branch = index === subnets.length - 1 ? '└─' : '├─';
      const nat = (scenario.natGateways ?? []).find((gateway) => gateway.subnet === name);
      const holds = nat ? `  NAT gateway ${built.natGateways.get(nat.name)?.publicAddress}` : '';
      lines.push(`${stem}${branch} ${zone}  ${cidrBlock.padEnd(15)} ${name}${holds}`);
    }
  }
  return lines.join('\n');
}

function routesOf({ scenario }: BuiltVpc, { routes, propagateVpn }: RouteTableScenario): string[] {
  const drawn = routes.map(({ destination, to, gateway }) => `${destination} → ${gateway ?? to.replace('-', ' ')}`);
  const learnt = propagateVpn ? (scenario.vpn?.remotePrefixes ?? []).map((prefix) => `${prefix} → VPN`) : [];
  return [...drawn, ...learnt];
}
