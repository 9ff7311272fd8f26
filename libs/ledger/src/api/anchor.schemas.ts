import { z } from 'zod';
import { PROOF_REFUSALS, type ProofRefusal } from '#chain';
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
    proven: z
      .boolean()
      .nullable()
      .describe('Whether there is a proof of it for offline verification; null until the node was asked for one.'),
    proofRefusal: z
      .enum(Object.keys(PROOF_REFUSALS) as [ProofRefusal, ...ProofRefusal[]])
      .nullable()
      .describe('Why there is none.'),
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

export const anchorPromiseSchema = z
  .object({
    chainId: z.int(),
    contract: z.string(),
    logId: z.string(),
    size: z.int(),
    root: z.string(),
    deadline: z.int().describe('Unix seconds.'),
    signer: z.string(),
    signature: z.string(),
  })
  .meta({ id: 'AnchorPromise' });

export const anchorProofSchema = z
  .object({
    v: z.literal(1),
    chainId: z.int(),
    contract: z.string(),
    logId: z.string(),
    size: z.int(),
    root: z.string(),
    blockNumber: z.int(),
    blockHash: z.string(),
    header: z.string(),
    accountProof: z.array(z.string()),
    storageProof: z.array(z.string()),
  })
  .meta({ id: 'AnchorProof' });

export const anchorPromiseQuery = z.strictObject({
  index: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0).describe('Index of a leaf of the log.'),
});
