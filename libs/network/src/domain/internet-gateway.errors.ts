import { ConflictError } from '#kernel';

/** A gateway serves one VPC at a time. */
export class GatewayAttachedError extends ConflictError {
  constructor(id: string, vpcId: string) {
    super('GatewayAttached', `${id} is attached to ${vpcId}; detach it first.`);
  }
}

/** The data plane has not let go of the gateway yet. */
export class GatewayDetachingError extends ConflictError {
  constructor(id: string, vpcId: string) {
    super('GatewayDetaching', `${id} is still being detached from ${vpcId}; try again when its attachment is gone.`);
  }
}

export class GatewayNotAttachedError extends ConflictError {
  constructor(id: string, vpcId: string) {
    super('GatewayNotAttached', `${id} is not attached to ${vpcId}.`, {
      errors: [
        {
          pointer: '/vpcId',
          rule: 'gateway.attached',
          message: `${id} is not attached to ${vpcId}`,
          fix: `read GET /v1/internet-gateways/${id} to see what it is attached to`,
        },
      ],
    });
  }
}

/** A VPC has one internet gateway at most. */
export class VpcHasInternetGatewayError extends ConflictError {
  constructor(vpcId: string, attached = 'an internet gateway') {
    super('VpcHasInternetGateway', `${vpcId} has ${attached} attached already.`, {
      errors: [
        {
          pointer: '/vpcId',
          rule: 'internet-gateway.one-a-vpc',
          message: `${attached} is attached to ${vpcId}`,
          fix: `use ${attached}, or detach it first`,
        },
      ],
    });
  }
}
