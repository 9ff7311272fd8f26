import { Injectable } from '@nestjs/common';
import type { Fee, Hex, SignedTransaction, UnsignedTransaction } from '#chain';
import type { Tx } from '#database';
import { bytesOf, hexOf } from './anchor-hex.js';

export type TransactionKind = 'deploy' | 'create-log' | 'change-signers' | 'anchor';

/** Whose transactions. */
export interface ChainAccount {
  chainId: number;
  address: Hex;
}

/** A transaction as it was signed, with what it was signed from. */
export interface StoredTransaction extends SignedTransaction {
  kind: TransactionKind;
  nonce: number;
  variant: number;
  to: Hex | null;
  data: Hex;
  gas: bigint;
  fee: Fee;
  /** By the database's clock. */
  ageMs: number;
}

export interface NewTransaction {
  kind: TransactionKind;
  /** 0 for the first with its nonce. */
  variant: number;
  unsigned: UnsignedTransaction;
  signed: SignedTransaction;
}

interface TransactionRow {
  kind: TransactionKind;
  nonce: number;
  variant: number;
  raw: Buffer;
  hash: Buffer;
  recipient: Hex | null;
  data: Buffer;
  gas: string;
  maxFee: string;
  maxTip: string | null;
  ageMs: number;
}

/** The accounts' nonces and every transaction that was signed with one. */
@Injectable()
export class AnchorTransactionRepository {
  /** Locks the account until the transaction ends and gives its next nonce; one that is new starts at `firstNonce`. */
  async lockAccount(tx: Tx, { chainId, address }: ChainAccount, firstNonce: number): Promise<number> {
    await tx.execute(
      'INSERT INTO chain_account (chain_id, address, next_nonce) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
      [chainId, address, firstNonce],
    );
    const [row] = await tx.query<{ nextNonce: number }>(
      `SELECT next_nonce::float8 AS "nextNonce" FROM chain_account WHERE chain_id = $1 AND address = $2 FOR UPDATE`,
      [chainId, address],
    );
    return row!.nextNonce;
  }

  /** The nonce that the next transaction will have. */
  async nextNonce(tx: Tx, { chainId, address }: ChainAccount): Promise<number> {
    const [row] = await tx.query<{ nextNonce: number }>(
      'SELECT next_nonce::float8 AS "nextNonce" FROM chain_account WHERE chain_id = $1 AND address = $2',
      [chainId, address],
    );
    return row?.nextNonce ?? 0;
  }

  async moveNonce(tx: Tx, { chainId, address }: ChainAccount, nextNonce: number): Promise<void> {
    await tx.execute('UPDATE chain_account SET next_nonce = $3 WHERE chain_id = $1 AND address = $2', [
      chainId,
      address,
      nextNonce,
    ]);
  }

  async insert(tx: Tx, account: Hex, { kind, variant, unsigned, signed }: NewTransaction): Promise<void> {
    const { fee } = unsigned;
    await tx.execute(
      `INSERT INTO chain_transaction (chain_id, account, nonce, variant, kind, raw, hash, recipient, data, gas, max_fee, max_tip)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
      [
        unsigned.chainId,
        account,
        unsigned.nonce,
        variant,
        kind,
        bytesOf(signed.raw),
        bytesOf(signed.hash),
        unsigned.to,
        bytesOf(unsigned.data),
        unsigned.gas.toString(),
        (fee.kind === 'fixed' ? fee.gasPrice : fee.maxFeePerGas).toString(),
        fee.kind === 'fixed' ? null : fee.maxPriorityFeePerGas.toString(),
      ],
    );
  }

  /** The newest variant of each transaction from `nonce` on, in the order of nonces, at most `limit`. */
  async from(tx: Tx, { chainId, address }: ChainAccount, nonce: number, limit: number): Promise<StoredTransaction[]> {
    const rows = await tx.query<TransactionRow>(
      `SELECT DISTINCT ON (nonce) kind, nonce::float8 AS nonce, variant, raw, hash, recipient, data, gas::text AS gas,
              max_fee::text AS "maxFee", max_tip::text AS "maxTip",
              extract(epoch FROM clock_timestamp() - created_at)::float8 * 1000 AS "ageMs"
         FROM chain_transaction WHERE chain_id = $1 AND account = $2 AND nonce >= $3
        ORDER BY nonce, variant DESC LIMIT $4`,
      [chainId, address, nonce, limit],
    );
    return rows.map(({ raw, hash, recipient, data, gas, maxFee, maxTip, ...row }) => ({
      ...row,
      raw: hexOf(raw),
      hash: hexOf(hash),
      to: recipient,
      data: hexOf(data),
      gas: BigInt(gas),
      fee:
        maxTip === null
          ? { kind: 'fixed', gasPrice: BigInt(maxFee) }
          : { kind: 'market', maxFeePerGas: BigInt(maxFee), maxPriorityFeePerGas: BigInt(maxTip) },
    }));
  }

  /** The hashes of every variant of these nonces. */
  async hashes(tx: Tx, { chainId, address }: ChainAccount, nonces: readonly number[]): Promise<Map<number, Hex[]>> {
    const rows = await tx.query<{ nonce: number; hash: Buffer }>(
      `SELECT nonce::float8 AS nonce, hash FROM chain_transaction
        WHERE chain_id = $1 AND account = $2 AND nonce = ANY($3::bigint[]) ORDER BY nonce, variant`,
      [chainId, address, nonces],
    );
    const found = new Map<number, Hex[]>();
    for (const { nonce, hash } of rows) found.set(nonce, [...(found.get(nonce) ?? []), hexOf(hash)]);
    return found;
  }
}
