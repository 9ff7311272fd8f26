import { formatEndpoint, type GatewayHostEndpoint } from './gateway-host-endpoint.js';

/** What the customer's end of a connection must be told. */
export interface CustomerConfiguration {
  connection: { id: string; name: string | null };
  /** Of the customer: 44 characters of base64. Its private key is never ours to know. */
  customerPublicKey: string;
  /** The customer's address inside the tunnel, and the /30 that it is in. */
  customerInsideAddress: string;
  tunnelBlock: string;
  /** Of the operator's host. */
  gatewayPublicKey: string;
  gatewayEndpoint: GatewayHostEndpoint;
  /** 44 characters of base64, or null where it must not be shown. */
  presharedKey: string | null;
  /** What lies behind the gateway: the blocks of the VPC. */
  vpcCidrs: readonly string[];
}

/** Keeps a customer's NAT or firewall from forgetting the tunnel (wg(8), PersistentKeepalive). Seconds. */
const KEEPALIVE_SECONDS = 25;

// Whatever ends a line or changes how a terminal shows one: a value with such a character could smuggle in another setting.
const UNSAFE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u;

/**
 * The configuration in the form of wg-quick(8). The private key is a placeholder: who holds it puts it in.
 * @throws TypeError when a value has a control character: nothing that was validated has one
 */
export function renderWgQuick(config: CustomerConfiguration): string {
  const { connection, tunnelBlock, customerInsideAddress } = config;
  const prefixLength = tunnelBlock.slice(tunnelBlock.indexOf('/') + 1);
  const lines = [
    `# Freehold VPN connection ${connection.id}${connection.name === null ? '' : ` (${connection.name})`}`,
    '[Interface]',
    `PrivateKey = <put the private key of ${config.customerPublicKey} here>`,
    `Address = ${customerInsideAddress}/${prefixLength}`,
    '',
    '[Peer]',
    `PublicKey = ${config.gatewayPublicKey}`,
    `PresharedKey = ${config.presharedKey ?? '<shown by a recorded download only>'}`,
    `Endpoint = ${formatEndpoint(config.gatewayEndpoint)}`,
    `AllowedIPs = ${[...config.vpcCidrs, tunnelBlock].join(', ')}`,
    `PersistentKeepalive = ${KEEPALIVE_SECONDS}`,
  ];
  if (lines.some((line) => UNSAFE.test(line)))
    throw new TypeError('a value of the configuration has a control character');
  return `${lines.join('\n')}\n`;
}
