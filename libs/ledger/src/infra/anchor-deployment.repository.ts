import { Injectable } from '@nestjs/common';
import type { Hex } from '#chain';
import type { Tx } from '#database';
import type { Deployment } from '../domain/anchor.js';
import { bytesOf, hexOf } from './anchor-hex.js';
import type { ChainAccount } from './anchor-transaction.repository.js';

export type NewDeployment = Omit<Deployment, 'id'>;

/** Which set of signers the deployment has from now on, and the link that says so. */
export interface SignerChange {
  epoch: number;
  threshold: number;
  signers: readonly Hex[];
  head: Hex;
}

/** Where our log is anchored: one registry per chain and account. */
@Injectable()
export class AnchorDeploymentRepository {
  find(tx: Tx, account: ChainAccount, logId: Hex): Promise<Deployment | null> {
    return this.read(tx, account, logId, '');
  }

  /** Keeps others from signing a link after the same head until the transaction ends. */
  lock(tx: Tx, account: ChainAccount, logId: Hex): Promise<Deployment | null> {
    return this.read(tx, account, logId, 'FOR UPDATE');
  }

  async insert(tx: Tx, deployment: NewDeployment): Promise<void> {
    const { chainId, account, contract, logId, epoch, threshold, signers, head } = deployment;
    await tx.execute(
      `INSERT INTO chain_deployment (chain_id, account, contract, log_id, epoch, threshold, signers, head)
       VALUES ($1, $2, $3, $4, $5, $6, $7::text[], $8)`,
      [chainId, account, contract, bytesOf(logId), epoch, threshold, signers, bytesOf(head)],
    );
  }

  async moveHead(tx: Tx, id: string, head: Hex): Promise<void> {
    await tx.execute('UPDATE chain_deployment SET head = $2 WHERE id = $1', [id, bytesOf(head)]);
  }

  async changeSigners(tx: Tx, id: string, { epoch, threshold, signers, head }: SignerChange): Promise<void> {
    await tx.execute(
      'UPDATE chain_deployment SET epoch = $2, threshold = $3, signers = $4::text[], head = $5 WHERE id = $1',
      [id, epoch, threshold, signers, bytesOf(head)],
    );
  }

  private async read(tx: Tx, account: ChainAccount, logId: Hex, locking: string): Promise<Deployment | null> {
    const [row] = await tx.query<Omit<Deployment, 'logId' | 'head'> & { head: Buffer }>(
      `SELECT id::text AS id, chain_id::float8 AS "chainId", account, contract, epoch, threshold, signers, head
         FROM chain_deployment WHERE chain_id = $1 AND account = $2 AND log_id = $3 ${locking}`,
      [account.chainId, account.address, bytesOf(logId)],
    );
    return row ? { ...row, logId, head: hexOf(row.head) } : null;
  }
}
