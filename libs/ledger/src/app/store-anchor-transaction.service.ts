import { Injectable } from '@nestjs/common';
import type { Fee, Hex, RegistryCall, SignedTransaction } from '#chain';
import type { Tx } from '#database';
import { AnchorKeys } from '../infra/anchor-keys.js';
import { AnchorTransactionRepository, type TransactionKind } from '../infra/anchor-transaction.repository.js';

export interface StoreAnchorTransaction {
  kind: TransactionKind;
  chainId: number;
  nonce: number;
  variant?: number;
  to: Hex | null;
  call: RegistryCall;
  fee: Fee;
}

/** Signs a transaction of the anchoring account and stores it: what is not stored is never sent. */
@Injectable()
export class StoreAnchorTransactionService {
  constructor(
    private readonly keys: AnchorKeys,
    private readonly transactions: AnchorTransactionRepository,
  ) {}

  async execute(tx: Tx, { kind, variant = 0, call, ...rest }: StoreAnchorTransaction): Promise<SignedTransaction> {
    const unsigned = { ...rest, ...call };
    const signed = await this.keys.account.signTransaction(unsigned);
    await this.transactions.insert(tx, this.keys.account.address, { kind, variant, unsigned, signed });
    return signed;
  }
}
