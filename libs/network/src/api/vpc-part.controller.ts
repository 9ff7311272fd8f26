import { Controller } from '@nestjs/common';
import { BodyInput, Endpoint, Op, PathInput } from '#http';
import type { CidrBlockId, OpContext, RouteTableId, VpcId } from '#kernel';
import { ChangeCidrBlocksService } from '../app/change-cidr-blocks.service.js';
import { SetMainRouteTableService } from '../app/set-main-route-table.service.js';
import * as schemas from './vpc.schemas.js';
import { vpcView } from './vpc.view.js';

/** The blocks of a VPC and the choice of its main route table: parts of it, so each reply is the whole VPC. */
@Controller('v1/vpcs/:vpcId')
export class VpcPartController {
  constructor(
    private readonly cidrBlocks: ChangeCidrBlocksService,
    private readonly setMain: SetMainRouteTableService,
  ) {}

  @Endpoint({
    method: 'POST',
    path: 'cidr-blocks',
    summary: 'Add a block to a VPC',
    permission: 'network:write',
    params: schemas.vpcParams,
    body: schemas.addCidrBlockSchema,
    reply: schemas.changedVpcSchema,
    view: vpcView,
  })
  addBlock(@Op() op: OpContext, @PathInput() { vpcId }: { vpcId: VpcId }, @BodyInput() input: { cidrBlock: string }) {
    return this.cidrBlocks.add(op, vpcId, input);
  }

  @Endpoint({
    method: 'DELETE',
    path: 'cidr-blocks/:cidrBlockId',
    summary: 'Take a block away that no subnet uses; the primary one stays',
    permission: 'network:write',
    params: schemas.cidrBlockParams,
    reply: schemas.changedVpcSchema,
    view: vpcView,
  })
  removeBlock(@Op() op: OpContext, @PathInput() { vpcId, cidrBlockId }: { vpcId: VpcId; cidrBlockId: CidrBlockId }) {
    return this.cidrBlocks.remove(op, vpcId, cidrBlockId);
  }

  @Endpoint({
    method: 'PUT',
    path: 'main-route-table',
    summary: 'Make another route table the main one',
    permission: 'network:write',
    params: schemas.vpcParams,
    body: schemas.setMainRouteTableSchema,
    reply: schemas.changedVpcSchema,
    view: vpcView,
  })
  setMainRouteTable(
    @Op() op: OpContext,
    @PathInput() { vpcId }: { vpcId: VpcId },
    @BodyInput() input: { routeTableId: RouteTableId },
  ) {
    return this.setMain.execute(op, vpcId, input);
  }
}
