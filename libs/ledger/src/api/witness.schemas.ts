import { z } from 'zod';
import { timestampSchema } from '#http';
import { WITNESS_STATES } from '../domain/witness.js';

const policy = {
  threshold: z.int().describe('How many of the witnesses make a checkpoint a witnessed one.'),
  required: z.boolean().describe('Whether a checkpoint is published only then.'),
  witnessedSize: z.int().describe('Entries of the newest witnessed checkpoint; 0 while there is none.'),
};

const witness = {
  name: z.string(),
  vkey: z.string().describe('Its verifier key (c2sp.org/tlog-cosignature).'),
  cosignedSize: z.int().describe('Entries of the newest head that it is known to have cosigned; 0 for none.'),
  cosignedAt: timestampSchema.nullable().describe("When, by the witness's own clock."),
};

export const logWitnessesSchema = z
  .object({ ...policy, witnesses: z.array(z.object(witness)) })
  .meta({ id: 'LogWitnesses' });

export const systemWitnessesSchema = z
  .object({
    ...policy,
    witnesses: z.array(
      z.object({
        ...witness,
        url: z.string().describe('Where it answers.'),
        state: z
          .enum(WITNESS_STATES)
          .describe(
            'unknown: not asked yet; ok: it cosigned what it was asked last; unreachable: no answer, or none of the protocol; refusing: it does not know this log or its key; alarm: what it says does not fit one history of this log.',
          ),
        failure: z.string().nullable().describe('Why it did not cosign, the last time that it did not.'),
        failedAt: timestampSchema.nullable(),
      }),
    ),
  })
  .meta({ id: 'SystemWitnesses' });
