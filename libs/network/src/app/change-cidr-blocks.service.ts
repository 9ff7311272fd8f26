import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '#database';
import { containsCidr, parseCidr } from '#ip';
import {
  type CidrBlockId,
  Clock,
  ConflictError,
  DependencyViolationError,
  NotFoundError,
  newId,
  type OpContext,
  type VpcId,
} from '#kernel';
import { QuotaRepository } from '#tenancy';
import { isPrivateCidr, requireSecondaryCidr } from '../domain/vpc.js';
import { CidrBlockEntity } from '../infra/cidr-block.entity.js';
import { PoolRangeRepository } from '../infra/pool-range.repository.js';
import { RouteRepository } from '../infra/route.repository.js';
import { SubnetRepository } from '../infra/subnet.repository.js';
import { VpcRepository } from '../infra/vpc.repository.js';
import { VpnRoutes } from '../infra/vpn-routes.js';
import type { PlacedVpc } from './vpc.queries.js';
import { VpcEditor } from './vpc-editor.js';

/** Adds blocks to a VPC and takes them away again. The primary one stays as long as the VPC. */
@Injectable()
export class ChangeCidrBlocksService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly clock: Clock,
    private readonly editor: VpcEditor,
    private readonly vpcs: VpcRepository,
    private readonly subnets: SubnetRepository,
    private readonly routes: RouteRepository,
    private readonly vpnRoutes: VpnRoutes,
    private readonly pools: PoolRangeRepository,
    private readonly quotas: QuotaRepository,
  ) {}

  /** @throws InvalidInputError, CidrBlockOverlapError, QuotaExceededError */
  add(ctx: OpContext, id: VpcId, input: { cidrBlock: string }): Promise<PlacedVpc> {
    return this.uow.run(ctx, async (tx) => {
      const open = await this.editor.open(tx, ctx, id);
      const cidr = requireSecondaryCidr(input.cidrBlock, {
        blocks: open.cidrs,
        routeDestinations: await this.routes.destinationsOf(tx, ctx.tenantId, id),
        remotePrefixes: await this.vpnRoutes.destinationsOf(tx, ctx.tenantId, id),
        poolRanges: isPrivateCidr(input.cidrBlock) ? [] : await this.pools.vpcRanges(tx),
      });
      await this.quotas.requireRoom(
        tx,
        ctx.tenantId,
        'cidr-blocks-per-vpc',
        this.vpcs.countingBlocks(ctx.tenantId, id),
      );
      const now = this.clock.now();
      const block = Object.assign(new CidrBlockEntity(), {
        tenantId: ctx.tenantId,
        id: newId('cidrBlock', now.getTime()),
        vpcId: id,
        cidr,
        isPrimary: false,
        changedGeneration: open.vpc.changedGeneration,
        deleting: false,
        createdAt: now,
      });
      await this.vpcs.insertBlocks(tx, [block]);
      return this.editor.close(tx, ctx, open, 'vpc.cidr-block-added');
    });
  }

  /** @throws NotFoundError, ConflictError `PrimaryCidrBlock`, DependencyViolationError while subnets lie in it */
  remove(ctx: OpContext, id: VpcId, blockId: CidrBlockId): Promise<PlacedVpc> {
    return this.uow.run(ctx, async (tx) => {
      const open = await this.editor.open(tx, ctx, id);
      const block = open.blocks.find((one) => one.id === blockId);
      if (!block) throw new NotFoundError('CIDR block', blockId);
      if (block.isPrimary) {
        throw new ConflictError(
          'PrimaryCidrBlock',
          `${block.cidr} is the primary block of ${id}: it stays with the VPC.`,
        );
      }
      if (block.deleting) throw new ConflictError('Deleting', `CIDR block ${blockId} is being removed.`);
      const range = parseCidr(block.cidr);
      const inside = (await this.subnets.blocksIn(tx, ctx.tenantId, id)).filter(
        ({ cidrs, deleting }) => !deleting && cidrs.some((cidr) => containsCidr(range, parseCidr(cidr))),
      );
      if (inside.length > 0) {
        throw new DependencyViolationError(
          'CIDR block',
          blockId,
          inside.map((subnet) => ({ id: subnet.id, kind: 'subnet', fix: `DELETE /v1/subnets/${subnet.id}` })),
        );
      }
      await this.vpcs.removeBlock(tx, block, open.vpc.changedGeneration);
      return this.editor.close(tx, ctx, open, 'vpc.cidr-block-removed');
    });
  }
}
