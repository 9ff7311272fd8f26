import { z } from 'zod';
import { idSchema, pageQuery, pageSchema, timestampSchema } from '#http';
import { ANCHOR_STATES } from '../domain/anchor.js';

export const openAnchorSchema = z
  .object({
    id: z.string(),
    state: z
      .enum(ANCHOR_STATES)
      .describe(
        'pending: stored, and the node does not have it (any more); sent: the node took it; final: its block will not change any more.',
      ),
    size: z.int().describe('Entries of the anchored head.'),
    root: z.string().describe('Its root, hexadecimal.'),
    chainId: z.int().describe('The chain (EIP-155).'),
    contract: z.string().describe('Address of the AnchorRegistry.'),
    logId: z.string().describe("The log's name in the contract: SHA-256 of its origin."),
    epoch: z.int().describe('Of the signer set whose quorum signed it.'),
    prev: z.string().describe('Hash of the link before it in the contract.'),
    head: z.string().describe("Hash of its own link: the contract's head after it."),
    nonce: z.int().describe("Number of its transaction among the anchoring account's."),
    txHash: z.string(),
    blockNumber: z.int().nullable().describe('Null until it is in a block.'),
    blockHash: z.string().nullable(),
    finality: z.string().nullable().describe("What this chain's kind calls final; null until it is."),
    independentTrust: z
      .boolean()
      .nullable()
      .describe('False for a chain that the operator alone runs: it proves nothing against the operator.'),
    createdAt: timestampSchema,
    sentAt: timestampSchema.nullable(),
    finalAt: timestampSchema.nullable(),
  })
  .meta({ id: 'Anchor' });

export const anchorPage = pageSchema(openAnchorSchema);
export const anchorParams = z.strictObject({ anchorId: idSchema('anchor') });
export const anchorListQuery = z.strictObject({
  ...pageQuery,
  state: z.enum(ANCHOR_STATES).optional().describe('Only anchors in this state.'),
  order: z.enum(['oldest-first', 'newest-first']).default('oldest-first'),
});
