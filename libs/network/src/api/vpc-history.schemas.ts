import { z } from 'zod';
import { tagsSchema } from '#http';
import { type AsOf, asOfSchema } from '#ledger';

export interface HistoryInput {
  asOf?: AsOf;
  receipts: boolean;
}

const receipts = z
  .enum(['true', 'false'])
  .default('false')
  .transform((text) => text === 'true');

export const historyQuery = {
  asOf: asOfSchema.optional(),
  receipts: receipts.describe(
    'With asOf: also the entries that the answer rests on, proven, to verify it offline with.',
  ),
};

/** The present rests on entries that are not in the log yet, too, and these cannot be proven. */
export const requireAsOf = <T extends HistoryInput>({ asOf, receipts }: T, issues: z.RefinementCtx): void => {
  if (asOf || !receipts) return;
  issues.addIssue({
    code: 'custom',
    path: ['receipts'],
    message: 'receipts prove an answer about the past',
    params: { rule: 'as-of.receipts', fix: 'say asOf, too, or leave receipts out' },
  });
};

const supporting = { id: z.string(), index: z.int().nullable().describe('Null while it is not in the log.') };

export const historySchema = z
  .object({
    v: z.literal(1),
    type: z.literal('freehold-state'),
    tenant: z.string(),
    vpcId: z.string(),
    question: z.object({
      kind: z.enum(['vpc', 'topology', 'effective-routes']),
      routeTableId: z.string().optional(),
      address: z.string().nullable().optional(),
    }),
    asOf: z.object({
      requested: z.string().nullable(),
      index: z
        .int()
        .nullable()
        .describe('The last index of the log that counts; null for now, with what is not in the log yet.'),
      size: z.int().describe('How many entries the log had published when this was answered.'),
    }),
    entries: z.array(z.object(supporting)).describe('Every entry that was replayed, in the order of the log.'),
    erased: z
      .array(z.object({ ...supporting, erasedBy: z.string() }))
      .describe('Entries whose bodies were erased: what they did cannot be known, and is not in the answer.'),
    breaks: z
      .array(
        z.object({
          entryId: z.string(),
          index: z.int().nullable(),
          type: z.string(),
          id: z.string(),
          kind: z.string(),
          detail: z.string(),
        }),
      )
      .describe('Where the entries do not continue each other: something is missing between them.'),
    proof: z
      .record(z.string(), z.unknown())
      .nullable()
      .describe('With receipts=true: a disclosure (docs/formats/disclosure-v1.md) of the entries.'),
  })
  .meta({ id: 'StateHistory' });

const route = z.object({
  destinationCidrBlock: z.string(),
  origin: z.string(),
  target: z.object({ kind: z.string(), id: z.string().nullable() }),
  state: z.enum(['active', 'blackhole']),
});
const named = { id: z.string(), name: z.string().nullable(), tags: tagsSchema };
const versioned = { ...named, version: z.int().nullable() };
const vpcThen = {
  ...versioned,
  cidrBlock: z.string().nullable(),
  ipv6CidrBlock: z.string().nullable(),
  cidrBlocks: z.array(z.string()).describe('The primary one first.'),
  mainRouteTableId: z.string(),
};

export const vpcThenSchema = z.object({ ...vpcThen, history: historySchema }).meta({ id: 'VpcThen' });

export const topologySchema = z
  .object({
    vpc: z.object(vpcThen),
    subnets: z.array(
      z.object({
        ...versioned,
        zone: z.string(),
        cidrBlock: z.string(),
        ipv6CidrBlock: z.string().nullable(),
        routeTableId: z.string().describe("Of its own association, or the VPC's main table."),
        associationId: z.string().nullable(),
      }),
    ),
    routeTables: z.array(
      z.object({
        ...named,
        main: z.boolean(),
        associations: z.array(z.object({ id: z.string(), subnetId: z.string() })),
        propagatingVpnGatewayIds: z.array(z.string()),
        effectiveRoutes: z.array(
          route.extend({ use: z.enum(['forward', 'drop', 'shadowed']), shadowedBy: z.array(route) }),
        ),
      }),
    ),
    internetGateway: z.object(versioned).nullable(),
    natGateways: z.array(
      z.object({
        ...versioned,
        subnetId: z.string(),
        elasticIpId: z.string(),
        privateAddress: z.string(),
        publicAddress: z.string().nullable(),
      }),
    ),
    vpnGateway: z.object(versioned).nullable(),
    vpnConnections: z.array(
      z.object({
        ...versioned,
        vpnGatewayId: z.string(),
        customerGatewayId: z.string(),
        gatewayEndpoint: z.string().nullable(),
        tunnelBlock: z.string(),
        remotePrefixes: z.array(z.string()),
        customerAddress: z.string().nullable(),
      }),
    ),
    history: historySchema,
  })
  .meta({ id: 'Topology' });

export const topologyQuery = z.strictObject(historyQuery).superRefine(requireAsOf);
