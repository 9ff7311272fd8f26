import { ConflictError } from '#kernel';

export class VpnGatewayNotAttachedError extends ConflictError {
  constructor(id: string) {
    super('VpnGatewayNotAttached', `VPN gateway ${id} is attached to no VPC.`, {
      errors: [
        {
          pointer: '/vpnGatewayId',
          rule: 'vpn-gateway.attached',
          message: `${id} is attached to no VPC`,
          fix: `attach it first: POST /v1/vpn-gateways/${id}/attach`,
        },
      ],
    });
  }
}

export class CustomerGatewayHasNoKeyError extends ConflictError {
  constructor(id: string) {
    super('CustomerGatewayHasNoKey', `Customer gateway ${id} has no WireGuard key.`, {
      errors: [
        {
          pointer: '/customerGatewayId',
          rule: 'customer-gateway.wireguard-key',
          message: `${id} has an AS number only, and connections are WireGuard`,
          fix: 'create a customer gateway with a wireguardPublicKey and use that',
        },
      ],
    });
  }
}

export class TunnelBlockTakenError extends ConflictError {
  constructor(block: string) {
    super('TunnelBlockTaken', `${block} is in use by another tunnel of this VPN gateway.`, {
      errors: [
        {
          pointer: '/tunnelBlock',
          rule: 'vpn.tunnel-taken',
          message: `${block} is in use by another tunnel of this VPN gateway`,
          fix: 'leave the block out, and a free one is chosen',
        },
      ],
    });
  }
}

export class RemotePrefixTakenError extends ConflictError {
  /** `by` is the connection that has it, where that is known. */
  constructor(index: number, prefix: string, by?: string) {
    const message = `${prefix} leads to ${by ?? 'another connection of this VPN gateway'} already`;
    super('RemotePrefixTaken', `${message}.`, {
      errors: [
        {
          pointer: `/remotePrefixes/${index}`,
          rule: 'vpn.remote-prefix-taken',
          message,
          fix: 'take it from the other connection first, or send a longer prefix of it, which wins',
        },
      ],
    });
  }
}

/** The operator has no host on which a tunnel could end, or none with a free port. */
export class NoGatewayHostError extends ConflictError {
  constructor(hosts: number) {
    super(
      'NoGatewayHost',
      hosts === 0
        ? 'No gateway host is registered, so no tunnel can end anywhere: the operator must run "freehold agent init" on a host first.'
        : `All ${hosts} gateway host(s) are full: the operator must run "freehold agent init" on a further host.`,
      {
        errors: [
          {
            pointer: '',
            rule: 'gateway-host.available',
            message: hosts === 0 ? 'no gateway host is registered' : 'no gateway host has a free port',
            fix: 'ask the operator to run "freehold agent init" on a host',
          },
        ],
      },
    );
  }
}
