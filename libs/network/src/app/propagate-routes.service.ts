import { Injectable } from '@nestjs/common';
import { type Tx, UnitOfWork } from '#database';
import {
  InvalidInputError,
  NotFoundError,
  type OpContext,
  ReferenceNotFoundError,
  type RouteTableId,
  type VpnGatewayId,
} from '#kernel';
import { RoutePropagationRepository } from '../infra/route-propagation.repository.js';
import { RouteTargetRepository } from '../infra/route-target.repository.js';
import { NetworkChanges } from './network-changes.js';
import { propagationRecord } from './network-records.js';
import { type DetailedRouteTable, RouteTableDetails } from './route-table-details.js';
import { type OpenRouteTable, RouteTableEditor } from './route-table-editor.js';

/** Lets a table take the routes that the VPC's VPN gateway has learnt, or stops that. */
@Injectable()
export class PropagateRoutesService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly editor: RouteTableEditor,
    private readonly propagations: RoutePropagationRepository,
    private readonly targets: RouteTargetRepository,
    private readonly details: RouteTableDetails,
    private readonly changes: NetworkChanges,
  ) {}

  /** Enabling what is enabled changes nothing but the version. @throws ReferenceNotFoundError, InvalidInputError */
  enable(ctx: OpContext, tableId: RouteTableId, vpnGatewayId: VpnGatewayId): Promise<DetailedRouteTable> {
    return this.uow.run(ctx, async (tx) => {
      const open = await this.editor.open(tx, ctx, tableId);
      const served = await this.targets.servedVpc(tx, ctx.tenantId, { kind: 'vpn-gateway', id: vpnGatewayId });
      if (served === undefined) throw new ReferenceNotFoundError('VPN gateway', vpnGatewayId, '/vpnGatewayId');
      if (served !== open.table.vpcId) {
        throw new InvalidInputError([
          {
            pointer: '/vpnGatewayId',
            rule: 'propagation.gateway-attached',
            message: `${vpnGatewayId} is not attached to ${open.table.vpcId}`,
            fix: `attach it to ${open.table.vpcId} first, or use the one that is attached to it`,
          },
        ]);
      }
      const isNew = await this.propagations.enable(tx, open.table, vpnGatewayId);
      return this.close(tx, ctx, open, vpnGatewayId, !isNew, true);
    });
  }

  /** @throws NotFoundError when it was not enabled */
  disable(ctx: OpContext, tableId: RouteTableId, vpnGatewayId: VpnGatewayId): Promise<DetailedRouteTable> {
    return this.uow.run(ctx, async (tx) => {
      const open = await this.editor.open(tx, ctx, tableId);
      if (!(await this.propagations.disable(tx, open.table, vpnGatewayId)))
        throw new NotFoundError('route propagation', `of ${vpnGatewayId} in ${tableId}`);
      return this.close(tx, ctx, open, vpnGatewayId, true, false);
    });
  }

  private async close(
    tx: Tx,
    ctx: OpContext,
    { vpc, table }: OpenRouteTable,
    vpnGatewayId: VpnGatewayId,
    before: boolean,
    after: boolean,
  ): Promise<DetailedRouteTable> {
    await this.editor.save(tx, table);
    this.changes.record(tx, vpc, {
      action: after ? 'route-propagation.enabled' : 'route-propagation.disabled',
      type: 'route-propagation',
      id: `${table.id}/${vpnGatewayId}`,
      version: table.version,
      before: propagationRecord(before),
      after: propagationRecord(after),
    });
    return this.details.one(tx, ctx, table);
  }
}
