import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '#database';
import { ConflictError, InvalidInputError, type OpContext, type RouteTableId, type VpcId } from '#kernel';
import { RouteTableRepository } from '../infra/route-table.repository.js';
import type { PlacedVpc } from './vpc.queries.js';
import { VpcEditor } from './vpc-editor.js';

@Injectable()
export class SetMainRouteTableService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly editor: VpcEditor,
    private readonly routeTables: RouteTableRepository,
  ) {}

  /** Makes another table the main one: it then routes every subnet without an association of its own. */
  execute(ctx: OpContext, vpcId: VpcId, { routeTableId }: { routeTableId: RouteTableId }): Promise<PlacedVpc> {
    return this.uow.run(ctx, async (tx) => {
      const open = await this.editor.open(tx, ctx, vpcId);
      const pointer = '/routeTableId';
      const next = await this.routeTables.referred(tx, ctx.tenantId, routeTableId, pointer);
      if (next.vpcId !== vpcId) {
        throw new InvalidInputError([
          {
            pointer,
            rule: 'route-table.same-vpc',
            message: `${routeTableId} belongs to ${next.vpcId}`,
            fix: `use a route table of ${vpcId}`,
          },
        ]);
      }
      if (next.deleting) throw new ConflictError('Deleting', `route table ${routeTableId} is being deleted.`);
      if (next.isMain) throw new ConflictError('AlreadyInState', `${routeTableId} is the main route table already.`);
      const last = await this.routeTables.get(tx, ctx.tenantId, open.mainRouteTableId);
      for (const [table, isMain] of [
        [last, false],
        [next, true],
      ] as const) {
        Object.assign(table, { isMain, changedGeneration: open.vpc.changedGeneration, version: table.version + 1 });
        await this.routeTables.save(tx, table);
      }
      return this.editor.close(tx, ctx, open, 'vpc.main-route-table-replaced');
    });
  }
}
