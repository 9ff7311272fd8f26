import { Injectable } from '@nestjs/common';
import type { ProofRefusal } from '#chain';
import { Database, decodeCursor, type Page, type PageRequest, pageOf } from '#database';
import type { AnchorId } from '#kernel';
import {
  type AnchorPromise,
  type AnchorProof,
  type AnchorRecord,
  parseAnchorPromise,
  parseAnchorProof,
  parseAnchorRecord,
} from '#proof';
import type { AnchorState } from '../domain/anchor.js';
import { AnchorDirectory } from '../domain/anchor-directory.js';
import { hexOf } from './anchor-hex.js';

/** An anchor as everybody may read it. */
export interface OpenAnchor {
  id: string;
  state: AnchorState;
  size: number;
  /** Hexadecimal, like the hashes that follow: without 0x where it is the log's, with 0x where it is the chain's. */
  root: string;
  chainId: number;
  contract: string;
  logId: string;
  epoch: number;
  prev: string;
  head: string;
  nonce: number;
  txHash: string;
  blockNumber: number | null;
  blockHash: string | null;
  finality: string | null;
  independentTrust: boolean | null;
  /** Whether there is an anchor proof of its block; null while it was not asked for. */
  proven: boolean | null;
  /** Why there is none. */
  proofRefusal: ProofRefusal | null;
  createdAt: Date;
  sentAt: Date | null;
  finalAt: Date | null;
}

export interface OpenAnchorFilter {
  state?: AnchorState;
  order: 'oldest-first' | 'newest-first';
}

const hex = (column: string) => `'0x' || encode(${column}, 'hex')`;
const RECORD = `d.chain_id::float8 AS "chainId", d.contract, ${hex('a.tx_hash')} AS "txHash",
  a.block_number::float8 AS "blockNumber", ${hex('a.block_hash')} AS "blockHash", a.size::float8 AS size,
  encode(a.root, 'hex') AS root, a.finality, a.independent_trust AS "independentTrust"`;
const ANCHOR = `a.id, a.state, ${RECORD}, ${hex('d.log_id')} AS "logId", a.epoch, ${hex('a.prev')} AS prev,
  ${hex('a.head')} AS head, a.nonce::float8 AS nonce, a.created_at AS "createdAt", a.sent_at AS "sentAt", a.final_at AS "finalAt",
  p.refusal IS NULL AND (p.anchor_id IS NOT NULL OR NULL) AS proven, p.refusal AS "proofRefusal"`;
const FROM = 'FROM anchor a JOIN chain_deployment d ON d.id = a.deployment_id';
const PROOF = 'JOIN anchor_proof p ON p.anchor_id = a.id AND p.block_hash = a.block_hash';
const PROMISE = `SELECT d.chain_id::float8 AS "chainId", lower(d.contract) AS contract, ${hex('d.log_id')} AS "logId",
    p.size::float8 AS size, encode(p.root, 'hex') AS root, p.deadline::float8 AS deadline, p.signer,
    ${hex('p.signature')} AS signature
  FROM anchor_promise p JOIN chain_deployment d ON d.id = p.deployment_id`;

interface ProofRow {
  chainId: number;
  contract: string;
  logId: string;
  size: number;
  root: string;
  blockNumber: number;
  blockHash: string;
  header: Buffer;
  accountProof: Buffer[];
  storageProof: Buffer[];
}

/** The anchors as the anchorer has stored them; readable under either role. */
@Injectable()
export class StoredAnchorDirectory extends AnchorDirectory {
  constructor(private readonly database: Database) {
    super();
  }

  /** Where several chains hold it, the one that adds independent trust is named. */
  async covering(index: number): Promise<AnchorRecord | null> {
    const [row] = await this.database.query(
      `SELECT ${RECORD} ${FROM} WHERE a.state = 'final' AND a.size > $1
        ORDER BY a.independent_trust DESC, a.size, a.deployment_id DESC LIMIT 1`,
      [index],
    );
    return row ? parseAnchorRecord(row) : null;
  }

  async upTo(size: number, limit: number): Promise<AnchorRecord[]> {
    const rows = await this.database.query(
      `SELECT DISTINCT ON (a.size) ${RECORD} ${FROM} WHERE a.state = 'final' AND a.size <= $1
        ORDER BY a.size DESC, a.independent_trust DESC, a.deployment_id DESC LIMIT $2`,
      [size, limit],
    );
    return rows.map(parseAnchorRecord).reverse();
  }

  async proofsOf(anchors: readonly AnchorRecord[]): Promise<(AnchorProof | null)[]> {
    if (anchors.length === 0) return [];
    const rows = await this.proofs(
      'JOIN unnest($1::bigint[], $2::bytea[]) AS w (chain_id, tx_hash) ON w.chain_id = d.chain_id AND w.tx_hash = a.tx_hash',
      [anchors.map(({ chainId }) => chainId), anchors.map(({ txHash }) => Buffer.from(txHash.slice(2), 'hex'))],
    );
    const found = new Map(rows.map((proof) => [`${proof.chainId} ${proof.size} ${proof.blockHash}`, proof]));
    return anchors.map(({ chainId, size, blockHash }) => found.get(`${chainId} ${size} ${blockHash}`) ?? null);
  }

  /** The proof of one anchor, or null. */
  async proofOf(id: AnchorId): Promise<AnchorProof | null> {
    const [proof] = await this.proofs('AND a.id = $1', [id]);
    return proof ?? null;
  }

  async promiseOf(size: number): Promise<AnchorPromise | null> {
    const [row] = await this.database.query(`${PROMISE} WHERE p.size = $1 ORDER BY p.deployment_id DESC LIMIT 1`, [
      size,
    ]);
    return row ? parseAnchorPromise(row) : null;
  }

  async promiseCovering(index: number): Promise<AnchorPromise | null> {
    const [row] = await this.database.query(
      `${PROMISE} WHERE p.size > $1 ORDER BY p.size, p.deployment_id DESC LIMIT 1`,
      [index],
    );
    return row ? parseAnchorPromise(row) : null;
  }

  async find(id: AnchorId): Promise<OpenAnchor | null> {
    const [row] = await this.database.query<OpenAnchor>(`SELECT ${ANCHOR} ${FROM} LEFT ${PROOF} WHERE a.id = $1`, [id]);
    return row ?? null;
  }

  /** In the order in which they were made. */
  async page({ limit, cursor }: PageRequest, { state, order }: OpenAnchorFilter): Promise<Page<OpenAnchor>> {
    const after = decodeCursor(cursor);
    const [beyond, direction] = order === 'oldest-first' ? ['>', 'ASC'] : ['<', 'DESC'];
    const rows = await this.database.query<OpenAnchor>(
      `SELECT ${ANCHOR} ${FROM} LEFT ${PROOF} WHERE ($1::text IS NULL OR a.state = $1)
          AND ($2::text IS NULL OR (a.created_at, a.id) ${beyond} (SELECT created_at, id FROM anchor WHERE id = $2))
        ORDER BY a.created_at ${direction}, a.id ${direction} LIMIT $3`,
      [state ?? null, after, limit + 1],
    );
    return pageOf(rows, limit, (anchor) => anchor.id);
  }

  private async proofs(condition: string, parameters: unknown[]): Promise<AnchorProof[]> {
    const rows = await this.database.query<ProofRow>(
      `SELECT d.chain_id::float8 AS "chainId", lower(d.contract) AS contract, ${hex('d.log_id')} AS "logId",
              a.size::float8 AS size, encode(a.root, 'hex') AS root, a.block_number::float8 AS "blockNumber",
              ${hex('a.block_hash')} AS "blockHash", p.header, p.account_proof AS "accountProof",
              p.storage_proof AS "storageProof"
         ${FROM} ${PROOF} AND p.refusal IS NULL ${condition}
        WHERE a.state = 'final'`,
      parameters,
    );
    return rows.map(({ header, accountProof, storageProof, ...row }) =>
      parseAnchorProof({
        v: 1,
        ...row,
        header: hexOf(header),
        accountProof: accountProof.map(hexOf),
        storageProof: storageProof.map(hexOf),
      }),
    );
  }
}
