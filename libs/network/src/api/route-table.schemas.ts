import { z } from 'zod';
import { idSchema, nameSchema, pageQuery, pageSchema, recordedSchema, tagQuery, tagsSchema } from '#http';
import { addressSchema, cidrSchema, placedFields } from './network.schemas.js';
import { historyQuery, historySchema, requireAsOf } from './vpc-history.schemas.js';

export const createRouteTableSchema = z.strictObject({
  vpcId: idSchema('vpc'),
  name: nameSchema.optional(),
  tags: tagsSchema.optional(),
});
export const updateRouteTableSchema = z.strictObject({
  name: nameSchema.nullable().optional(),
  tags: tagsSchema.optional(),
});
export const writeRouteSchema = z
  .strictObject({
    destinationCidrBlock: cidrSchema.describe('IPv4 or IPv6, outside the blocks of the VPC or around them.'),
    internetGatewayId: idSchema('internetGateway').optional(),
    natGatewayId: idSchema('natGateway').optional(),
    vpnGatewayId: idSchema('vpnGateway').optional(),
  })
  .describe('Exactly one target.');
export const removeRouteQuery = z.strictObject({ destinationCidrBlock: cidrSchema });
export const associateSchema = z.strictObject({ subnetId: idSchema('subnet') });
export const replaceAssociationSchema = z.strictObject({ routeTableId: idSchema('routeTable') });
export const propagationSchema = z.strictObject({ vpnGatewayId: idSchema('vpnGateway') });

const routeSchema = z
  .object({
    destinationCidrBlock: z.string(),
    origin: z.enum(['local', 'static', 'vpn-static']),
    target: z.object({
      kind: z.enum(['local', 'internet-gateway', 'nat-gateway', 'vpn-gateway']),
      id: z.string().nullable(),
    }),
    state: z.enum(['active', 'blackhole']).describe('A blackhole drops: its target is gone or detached.'),
  })
  .meta({ id: 'Route' });

const tableFields = {
  id: z.string(),
  vpcId: z.string(),
  name: z.string().nullable(),
  main: z.boolean().describe('Routes every subnet without an association of its own.'),
  associations: z.array(z.object({ id: z.string(), subnetId: z.string() })),
  propagatingVpnGatewayIds: z.array(z.string()),
};
export const routeTableSummarySchema = z.object({ ...tableFields, ...placedFields }).meta({ id: 'RouteTableSummary' });
export const routeTableSchema = z
  .object({ ...tableFields, routes: z.array(routeSchema), ...placedFields })
  .meta({ id: 'RouteTable' });
export const changedRouteTableSchema = routeTableSchema.extend(recordedSchema.shape);
export const routeTableParams = z.strictObject({ routeTableId: idSchema('routeTable') });
export const propagationParams = z.strictObject({
  routeTableId: idSchema('routeTable'),
  vpnGatewayId: idSchema('vpnGateway'),
});
export const routeTableListQuery = z.strictObject({
  ...pageQuery,
  ...tagQuery,
  vpcId: idSchema('vpc').optional(),
  main: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional(),
});
export const routeTablePage = pageSchema(routeTableSummarySchema);

const { tags: _tags, ...associationState } = placedFields;
export const associationSchema = z
  .object({
    id: z.string(),
    vpcId: z.string(),
    routeTableId: z.string(),
    subnetId: z.string(),
    ...associationState,
  })
  .meta({ id: 'RouteTableAssociation' });
export const changedAssociationSchema = associationSchema.extend(recordedSchema.shape);
export const associationParams = z.strictObject({ associationId: idSchema('routeTableAssociation') });

export const effectiveRoutesQuery = z
  .strictObject({
    address: addressSchema.optional().describe('Also say which route takes a packet to this address.'),
    ...historyQuery,
  })
  .superRefine(requireAsOf);
export const effectiveRoutesSchema = z
  .object({
    routeTableId: z.string(),
    routes: z.array(
      routeSchema.extend({
        use: z
          .enum(['forward', 'drop', 'shadowed'])
          .describe('Shadowed: there is no address for which this route is chosen.'),
        shadowedBy: z.array(routeSchema).describe('The routes that take its addresses.'),
      }),
    ),
    choice: z
      .object({
        address: z.string(),
        outcome: z.enum(['forward', 'drop', 'unreachable']),
        route: routeSchema.nullable(),
        considered: z.array(routeSchema).describe('Every route that holds the address, by preference.'),
      })
      .nullable(),
    history: historySchema.optional().describe('Of an answer about the past: why it is what it is.'),
  })
  .meta({ id: 'EffectiveRoutes' });
