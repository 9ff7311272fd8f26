import { Injectable } from '@nestjs/common';
import type { Hex } from '#chain';
import type { Tx } from '#database';
import type { AnchorId } from '#kernel';
import type { Anchor, AnchorBlock, AnchorState } from '../domain/anchor.js';
import { bytesOf, hexOf } from './anchor-hex.js';

export interface NewAnchor {
  id: AnchorId;
  deploymentId: string;
  size: number;
  root: Hex;
  epoch: number;
  prev: Hex;
  head: Hex;
  nonce: number;
  txHash: Hex;
}

/** The newest published head and how the newest anchor compares with it. */
export interface AnchorBacklog {
  published: { size: number; root: Hex; note: string } | null;
  /** Final or not; null before the first. */
  anchored: { size: number; root: Hex } | null;
  /** By the database's clock; null before the first anchor. */
  elapsedMs: number | null;
  /** Whether an entry of the published head, and of no anchor, is to be anchored at once. */
  urgent: boolean;
}

/** What finality a chain gives, as receipts name it. */
export interface FinalityMark {
  finality: string;
  independentTrust: boolean;
}

export interface MinedAnchor {
  id: string;
  txHash: Hex;
  block: AnchorBlock;
}

interface AnchorRow {
  id: string;
  size: number;
  root: Buffer;
  epoch: number;
  prev: Buffer;
  head: Buffer;
  nonce: number;
  state: AnchorState;
  txHash: Buffer;
  blockNumber: number | null;
  blockHash: Buffer | null;
}

const COLUMNS = `id, size::float8 AS size, root, epoch, prev, head, nonce::float8 AS nonce, state, tx_hash AS "txHash",
                 block_number::float8 AS "blockNumber", block_hash AS "blockHash"`;

/** The anchorer's side of the anchors. */
@Injectable()
export class AnchorRepository {
  async backlog(tx: Tx, deploymentId: string): Promise<AnchorBacklog> {
    const [row] = await tx.query<{
      size: number | null;
      root: Buffer | null;
      note: string | null;
      anchoredSize: number | null;
      anchoredRoot: Buffer | null;
      elapsedMs: number | null;
      urgent: boolean;
    }>(
      `SELECT c.size::float8 AS size, c.root, c.note, a.size::float8 AS "anchoredSize", a.root AS "anchoredRoot",
              extract(epoch FROM clock_timestamp() - a.created_at)::float8 * 1000 AS "elapsedMs",
              EXISTS (SELECT FROM anchor_request r
                        JOIN ledger_leaf l ON l.tenant_id = r.tenant_id AND l.entry_id = r.entry_id
                       WHERE l.leaf_index >= coalesce(a.size, 0) AND l.leaf_index < c.size) AS urgent
         FROM (SELECT 1) AS one
         LEFT JOIN (SELECT size, root, note FROM ledger_checkpoint ORDER BY size DESC LIMIT 1) c ON true
         LEFT JOIN (SELECT size, root, created_at FROM anchor WHERE deployment_id = $1 ORDER BY size DESC LIMIT 1) a ON true`,
      [deploymentId],
    );
    const { size, root, note, anchoredSize, anchoredRoot, elapsedMs, urgent } = row!;
    return {
      published: size === null || root === null || note === null ? null : { size, root: hexOf(root), note },
      anchored:
        anchoredSize === null || anchoredRoot === null ? null : { size: anchoredSize, root: hexOf(anchoredRoot) },
      elapsedMs,
      urgent,
    };
  }

  async insert(tx: Tx, anchor: NewAnchor): Promise<void> {
    await tx.execute(
      `INSERT INTO anchor (id, deployment_id, size, root, epoch, prev, head, nonce, tx_hash)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [
        anchor.id,
        anchor.deploymentId,
        anchor.size,
        bytesOf(anchor.root),
        anchor.epoch,
        bytesOf(anchor.prev),
        bytesOf(anchor.head),
        anchor.nonce,
        bytesOf(anchor.txHash),
      ],
    );
  }

  /** Whether the log published exactly this head. */
  async isPublished(tx: Tx, size: number, root: Hex): Promise<boolean> {
    const rows = await tx.query('SELECT 1 FROM ledger_checkpoint WHERE size = $1 AND root = $2', [size, bytesOf(root)]);
    return rows.length > 0;
  }

  /** Whether there is an anchor of this size, whatever its state. */
  async isAnchored(tx: Tx, deploymentId: string, size: number): Promise<boolean> {
    const rows = await tx.query('SELECT 1 FROM anchor WHERE deployment_id = $1 AND size = $2', [deploymentId, size]);
    return rows.length > 0;
  }

  /** The chain lost these: back to where they were before they were sent. Returns how many had been further. */
  async reopenFrom(tx: Tx, deploymentId: string, nonce: number): Promise<number> {
    return tx.execute(
      `UPDATE anchor SET state = 'pending', block_number = NULL, block_hash = NULL, final_at = NULL
        WHERE deployment_id = $1 AND nonce >= $2 AND (state = 'final' OR block_number IS NOT NULL)`,
      [deploymentId, nonce],
    );
  }

  /** Its block is no longer the chain's, or never was seen: what became of it is to be found out again. */
  async reopen(tx: Tx, id: string): Promise<void> {
    await tx.execute(
      `UPDATE anchor SET state = 'sent', block_number = NULL, block_hash = NULL, final_at = NULL WHERE id = $1`,
      [id],
    );
  }

  async markSent(tx: Tx, deploymentId: string, nonces: readonly number[]): Promise<void> {
    await tx.execute(
      `UPDATE anchor SET state = 'sent', sent_at = COALESCE(sent_at, clock_timestamp())
        WHERE deployment_id = $1 AND nonce = ANY($2::bigint[]) AND state = 'pending'`,
      [deploymentId, nonces],
    );
  }

  async markMined(tx: Tx, mined: readonly MinedAnchor[]): Promise<void> {
    await tx.execute(
      `UPDATE anchor a SET state = 'sent', sent_at = COALESCE(sent_at, clock_timestamp()), tx_hash = m.tx_hash,
              block_number = m.block_number, block_hash = m.block_hash
         FROM unnest($1::text[], $2::bytea[], $3::bigint[], $4::bytea[]) AS m (id, tx_hash, block_number, block_hash)
        WHERE a.id = m.id AND a.state <> 'final'`,
      [
        mined.map((anchor) => anchor.id),
        mined.map((anchor) => bytesOf(anchor.txHash)),
        mined.map((anchor) => anchor.block.number),
        mined.map((anchor) => bytesOf(anchor.block.hash)),
      ],
    );
  }

  async markFinal(tx: Tx, ids: readonly string[], { finality, independentTrust }: FinalityMark): Promise<void> {
    await tx.execute(
      `UPDATE anchor SET state = 'final', final_at = clock_timestamp(), finality = $2, independent_trust = $3
        WHERE id = ANY($1::text[]) AND state = 'sent' AND block_number IS NOT NULL`,
      [ids, finality, independentTrust],
    );
  }

  /** Anchors that are not final, the oldest first. */
  async unsettled(tx: Tx, deploymentId: string, limit: number): Promise<Anchor[]> {
    const rows = await tx.query<AnchorRow>(
      `SELECT ${COLUMNS} FROM anchor WHERE deployment_id = $1 AND state <> 'final' ORDER BY nonce LIMIT $2`,
      [deploymentId, limit],
    );
    return rows.map(toAnchor);
  }

  /** Final anchors below a size, the newest first. */
  async newestFinal(tx: Tx, deploymentId: string, belowSize: number, limit: number): Promise<Anchor[]> {
    const rows = await tx.query<AnchorRow>(
      `SELECT ${COLUMNS} FROM anchor WHERE deployment_id = $1 AND state = 'final' AND size < $2 ORDER BY size DESC LIMIT $3`,
      [deploymentId, belowSize, limit],
    );
    return rows.map(toAnchor);
  }
}

function toAnchor({ root, prev, head, txHash, blockNumber, blockHash, ...row }: AnchorRow): Anchor {
  return {
    ...row,
    root: hexOf(root),
    prev: hexOf(prev),
    head: hexOf(head),
    txHash: hexOf(txHash),
    block: blockNumber === null || blockHash === null ? null : { number: blockNumber, hash: hexOf(blockHash) },
  };
}
