import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Tx, UnitOfWork } from '#database';
import { Clock, ConflictError, type ElasticIpId, newId, type OpContext, type SubnetId, type VpcId } from '#kernel';
import { QuotaRepository, TagRepository, type Tags } from '#tenancy';
import { ElasticIpInUseError } from '../domain/elastic-ip.errors.js';
import type { ElasticIpEntity } from '../infra/elastic-ip.entity.js';
import { ElasticIpRepository } from '../infra/elastic-ip.repository.js';
import { InternetGatewayRepository } from '../infra/internet-gateway.repository.js';
import { NatGatewayEntity } from '../infra/nat-gateway.entity.js';
import { NatGatewayRepository } from '../infra/nat-gateway.repository.js';
import { SubnetRepository } from '../infra/subnet.repository.js';
import { SubnetAddressRepository } from '../infra/subnet-address.repository.js';
import { VpcRepository } from '../infra/vpc.repository.js';
import { NetworkChanges } from './network-changes.js';
import { natGatewayRecord } from './network-records.js';
import { type Placed, placedIn } from './placed.js';

export interface CreateNatGateway {
  subnetId: SubnetId;
  elasticIpId: ElasticIpId;
  name?: string;
  tags?: Tags;
}

@Injectable()
export class CreateNatGatewayService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly clock: Clock,
    private readonly vpcs: VpcRepository,
    private readonly subnets: SubnetRepository,
    private readonly addresses: SubnetAddressRepository,
    private readonly internetGateways: InternetGatewayRepository,
    private readonly elasticIps: ElasticIpRepository,
    private readonly natGateways: NatGatewayRepository,
    private readonly quotas: QuotaRepository,
    private readonly tags: TagRepository,
    private readonly changes: NetworkChanges,
  ) {}

  /**
   * Puts a NAT gateway into a subnet: it takes the subnet's lowest free address and holds the elastic IP. The subnet's own
   * route to the internet gateway may come later.
   * @throws ReferenceNotFoundError, ConflictError `GatewayNotAttached`, ElasticIpInUseError, QuotaExceededError
   */
  execute(ctx: OpContext, input: CreateNatGateway): Promise<Placed<NatGatewayEntity>> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'network:write');
      await this.quotas.lock(tx, ctx.tenantId);
      await this.quotas.requireRoom(tx, ctx.tenantId, 'nat-gateways', this.natGateways.counting(ctx.tenantId));
      const { vpcId } = await this.subnets.referred(tx, ctx.tenantId, input.subnetId, '/subnetId');
      const vpc = await this.vpcs.lockForChange(tx, ctx, vpcId);
      const subnet = await this.subnets.referred(tx, ctx.tenantId, input.subnetId, '/subnetId');
      if (subnet.deleting) throw new ConflictError('Deleting', `subnet ${subnet.id} is being deleted.`);
      if (!(await this.internetGateways.attachedTo(tx, ctx.tenantId, vpcId))) throw needsInternetGateway(vpcId);
      const elasticIp = await this.freeElasticIp(tx, ctx, input.elasticIpId);
      const now = this.clock.now();
      const gateway = Object.assign(new NatGatewayEntity(), {
        tenantId: ctx.tenantId,
        id: newId('natGateway', now.getTime()),
        vpcId,
        subnetId: subnet.id,
        elasticIpId: elasticIp.id,
        name: input.name ?? null,
        changedGeneration: vpc.generation,
        deleting: false,
        version: 1,
        createdAt: now,
        privateAddress: await this.addresses.nextFree(tx, ctx.tenantId, subnet),
        publicAddress: elasticIp.address,
      });
      const tags = input.tags ?? {};
      await this.natGateways.insert(tx, gateway);
      await this.addresses.take(tx, ctx.tenantId, subnet.id, gateway.privateAddress, { natGatewayId: gateway.id });
      await this.tags.insert(tx, ctx.tenantId, gateway.id, tags);
      this.changes.record(tx, vpc, {
        action: 'nat-gateway.created',
        type: 'nat-gateway',
        id: gateway.id,
        version: 1,
        before: null,
        after: natGatewayRecord(gateway, tags),
      });
      return placedIn(vpc, gateway, tags);
    });
  }

  private async freeElasticIp(tx: Tx, ctx: OpContext, id: ElasticIpId): Promise<ElasticIpEntity> {
    const elasticIp = await this.elasticIps.lockReferred(tx, ctx.tenantId, id, '/elasticIpId');
    if (elasticIp.deleting) throw new ConflictError('Deleting', `elastic IP ${id} is being released.`);
    const holder = (await this.natGateways.holding(tx, ctx.tenantId, [id])).get(id);
    if (holder) throw new ElasticIpInUseError(id, holder.deleting ? `${holder.id}, which is being deleted` : holder.id);
    return elasticIp;
  }
}

function needsInternetGateway(vpcId: VpcId): ConflictError {
  return new ConflictError('GatewayNotAttached', `No internet gateway is attached to ${vpcId}.`, {
    errors: [
      {
        pointer: '/subnetId',
        rule: 'nat-gateway.internet-gateway',
        message: `a NAT gateway leads to the internet, and ${vpcId} has no internet gateway`,
        fix: `attach one first: POST /v1/internet-gateways {"vpcId": "${vpcId}"}`,
      },
    ],
  });
}
