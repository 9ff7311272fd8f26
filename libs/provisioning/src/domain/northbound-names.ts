import { type NbMap, type NbRef, uuidNameOf } from '#ovn';

/** Ports and switches of a VPC by their names in OVN: made of our ids, so that whoever looks there finds the resource. */
export const routerPort = (attached: string) => `lrp-${attached}`;
export const switchToRouter = (attached: string) => `lsp-${attached}-router`;
export const externalSwitch = (vpcId: string) => `ext-${vpcId}`;
export const localnetPort = (vpcId: string) => `lsp-${externalSwitch(vpcId)}-localnet`;
/** The port that the VPN gateway's network namespace is bound to. */
export const vpnPort = (vpnGatewayId: string) => `lsp-${vpnGatewayId}`;

export const reference = (name: string): NbRef => ({ namedUuid: uuidNameOf(name) });

export interface Stamp {
  owner: string;
  tenantId: string;
  vpcId: string;
}

/** What every row of ours says of itself: whose it is, and which resource it is there for. */
export function externalIds({ owner, tenantId, vpcId }: Stamp, id: string, more: NbMap = {}): NbMap {
  return { 'freehold:owner': owner, 'freehold:tenant': tenantId, 'freehold:vpc': vpcId, 'freehold:id': id, ...more };
}
