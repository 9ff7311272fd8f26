import { z } from 'zod';
import { idSchema, timestampSchema } from '#http';
import { NB_TABLES } from '#ovn';

export const vpcPlanParams = z.strictObject({ vpcId: idSchema('vpc') });

export const vpcPlanSchema = z
  .object({
    vpcId: z.string(),
    cell: z.string().nullable().describe('The OVN deployment that the rows are for.'),
    generation: z.int().describe('The generation of the VPC that the rows are of; 0 when there are none yet.'),
    intendedGeneration: z.int().describe('The generation of the VPC now.'),
    digest: z.string().nullable().describe('SHA-256 of the rows in canonical JSON (RFC 8785), in hex.'),
    plannedAt: timestampSchema.nullable(),
    rows: z
      .array(
        z.object({
          table: z.enum(NB_TABLES as [string, ...string[]]),
          uuidName: z.string().describe('What other rows refer to this one by.'),
          columns: z.record(z.string(), z.unknown()).describe('As in ovn-nb(5); columns left out have their default.'),
        }),
      )
      .describe("The exact rows of OVN's Northbound database, children before parents."),
  })
  .meta({ id: 'VpcPlan' });
