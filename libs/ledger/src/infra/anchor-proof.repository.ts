import { Injectable } from '@nestjs/common';
import type { Hex, ProofRefusal, SlotProof } from '#chain';
import type { Tx } from '#database';
import type { AnchorBlock } from '../domain/anchor.js';
import { bytesOf, hexOf } from './anchor-hex.js';

/** A final anchor that has no proof of its block yet. */
export interface UnprovenAnchor {
  id: string;
  size: number;
  root: Hex;
  block: AnchorBlock;
}

/** The anchorer's side of the proofs. */
@Injectable()
export class AnchorProofRepository {
  /** The newest first. */
  async unproven(tx: Tx, deploymentId: string, limit: number): Promise<UnprovenAnchor[]> {
    const rows = await tx.query<{ id: string; size: number; root: Buffer; number: number; hash: Buffer }>(
      `SELECT a.id, a.size::float8 AS size, a.root, a.block_number::float8 AS number, a.block_hash AS hash
         FROM anchor a
        WHERE a.deployment_id = $1 AND a.state = 'final'
          AND NOT EXISTS (SELECT FROM anchor_proof p WHERE p.anchor_id = a.id AND p.block_hash = a.block_hash)
        ORDER BY a.size DESC LIMIT $2`,
      [deploymentId, limit],
    );
    return rows.map(({ id, size, root, number, hash }) => ({
      id,
      size,
      root: hexOf(root),
      block: { number, hash: hexOf(hash) },
    }));
  }

  /** Takes the place of the proof of a block that was replaced. */
  async store(tx: Tx, anchor: UnprovenAnchor, proof: SlotProof | ProofRefusal): Promise<void> {
    const made = typeof proof === 'string' ? null : proof;
    await tx.execute(
      `INSERT INTO anchor_proof (anchor_id, block_hash, header, account_proof, storage_proof, refusal)
       VALUES ($1, $2, $3, $4::bytea[], $5::bytea[], $6)
       ON CONFLICT (anchor_id) DO UPDATE SET block_hash = excluded.block_hash, header = excluded.header,
         account_proof = excluded.account_proof, storage_proof = excluded.storage_proof, refusal = excluded.refusal,
         created_at = now()`,
      [
        anchor.id,
        bytesOf(anchor.block.hash),
        made && bytesOf(made.header),
        made ? made.accountProof.map(bytesOf) : null,
        made ? made.storageProof.map(bytesOf) : null,
        made ? null : proof,
      ],
    );
  }
}
