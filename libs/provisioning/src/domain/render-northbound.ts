import { NB_TABLES, type NbRow, uuidNameOf } from '#ovn';
import type { VpcIntent } from '#topology';
import type { Cell } from './cell.js';
import { externalIds, type Stamp } from './northbound-names.js';
import { referencesTo, renderRouting } from './render-routing.js';
import { renderExternal, renderSubnet, renderVpnTransit } from './render-segments.js';

/**
 * The exact Northbound rows of a VPC in a cell: the same intent gives the same rows in the same order, whoever asks and
 * whatever was there before. Only the router carries the generation, so that a change rewrites the rows that it changes.
 * A VPC that is to go has no rows.
 */
export function renderNorthbound(intent: VpcIntent, cell: Cell): NbRow[] {
  if (intent.deleting) return [];
  const stamp: Stamp = { owner: cell.owner, tenantId: intent.tenantId, vpcId: intent.vpcId };
  const parts = inOrder([
    ...intent.subnets.flatMap((subnet) => renderSubnet(subnet, stamp)),
    ...(intent.internetGateway ? renderExternal(intent, intent.internetGateway.id, cell, stamp) : []),
    ...(intent.vpnGateway ? renderVpnTransit(intent, intent.vpnGateway.id, stamp) : []),
    ...renderRouting(intent, cell, stamp),
  ]);
  const router: NbRow = {
    table: 'Logical_Router',
    uuidName: uuidNameOf(intent.vpcId),
    columns: {
      name: intent.vpcId,
      ports: referencesTo(parts, 'Logical_Router_Port'),
      static_routes: referencesTo(parts, 'Logical_Router_Static_Route'),
      policies: referencesTo(parts, 'Logical_Router_Policy'),
      nat: referencesTo(parts, 'NAT'),
      external_ids: externalIds(stamp, intent.vpcId, { 'freehold:generation': `${intent.generation}` }),
    },
  };
  return inOrder([...parts, router]);
}

/** By table, children before parents, then by name. */
function inOrder(rows: NbRow[]): NbRow[] {
  const rank = new Map(NB_TABLES.map((table, index) => [table, index]));
  return rows.sort(
    (a, b) =>
      (rank.get(a.table) ?? 0) - (rank.get(b.table) ?? 0) ||
      (a.uuidName < b.uuidName ? -1 : a.uuidName > b.uuidName ? 1 : 0),
  );
}
