import { Injectable, Logger } from '@nestjs/common';
import { AnchorChain, replacementFee } from '#chain';
import { SystemUnitOfWork } from '#database';
import { AnchoringBlockedError } from '../domain/anchor.errors.js';
import type { Deployment } from '../domain/anchor.js';
import { AnchorRepository } from '../infra/anchor.repository.js';
import {
  AnchorTransactionRepository,
  type ChainAccount,
  type StoredTransaction,
} from '../infra/anchor-transaction.repository.js';
import { CatchUpAnchorsService } from './catch-up-anchors.service.js';
import { StoreAnchorTransactionService } from './store-anchor-transaction.service.js';

/** How many transactions are read, sent and marked at a time. */
const BATCH = 100;
/** A node may drop what it took; after this long without a block it gets the same bytes again. */
const RESEND_AFTER_MS = 3_000;
/** How long a transaction waits for a block before a higher fee is offered. */
const OUTBID_AFTER_MS = 60_000;

/**
 * Gives the chain every stored transaction it does not have in a block, in the order of nonces. That is how an anchor is
 * sent, and sent again after a reorganisation; a chain that was wiped is told its whole history by the same few lines.
 */
@Injectable()
export class SendAnchorsService {
  private readonly logger = new Logger(SendAnchorsService.name);
  /** When each transaction was last handed over, by hash. */
  private readonly handedOver = new Map<string, number>();
  private lastMined = 0;

  constructor(
    private readonly uow: SystemUnitOfWork,
    private readonly chain: AnchorChain,
    private readonly anchors: AnchorRepository,
    private readonly transactions: AnchorTransactionRepository,
    private readonly store: StoreAnchorTransactionService,
    private readonly catchUp: CatchUpAnchorsService,
  ) {}

  /**
   * `minedNonce` is where the chain's account stands, read before this call. Returns how many transactions are in no block.
   * @throws AnchoringBlockedError, ChainUnavailableError, TransactionRefusedError
   */
  async execute(deployment: Deployment, minedNonce: number): Promise<number> {
    const account = { chainId: deployment.chainId, address: deployment.account };
    if (minedNonce < this.lastMined) this.handedOver.clear();
    this.lastMined = minedNonce;
    const nextNonce = await this.uow.run((tx) => this.transactions.nextNonce(tx, account));
    if (minedNonce > nextNonce) {
      await this.catchUp.execute(deployment, minedNonce);
      return 0;
    }
    if (minedNonce === nextNonce) {
      this.handedOver.clear();
      return 0;
    }
    const lost = await this.uow.run((tx) => this.anchors.reopenFrom(tx, deployment.id, minedNonce));
    if (lost > 0) {
      this.logger.warn(
        `the chain lost ${lost} anchor(s); the same transactions are sent again from nonce ${minedNonce}`,
      );
    }
    for (let nonce = minedNonce; nonce < nextNonce; ) nonce = await this.sendBatch(deployment, account, nonce);
    return nextNonce - minedNonce;
  }

  /** Returns the nonce after the batch. */
  private async sendBatch(deployment: Deployment, account: ChainAccount, nonce: number): Promise<number> {
    const batch = await this.uow.run((tx) => this.transactions.from(tx, account, nonce, BATCH));
    const last = batch.at(-1);
    if (!last || batch[0]?.nonce !== nonce || last.nonce !== nonce + batch.length - 1) {
      throw new AnchoringBlockedError(
        `the chain asks for transaction ${nonce} of ${account.address}, which this database never had: it was restored from an older copy, and the chain lost what was sent since`,
      );
    }
    const now = Date.now();
    const due = batch.filter(({ hash }) => now - (this.handedOver.get(hash) ?? 0) >= RESEND_AFTER_MS);
    await Promise.all(due.map((transaction) => this.chain.send(transaction)));
    for (const { hash } of due) this.handedOver.set(hash, now);
    await this.uow.run((tx) =>
      this.anchors.markSent(
        tx,
        deployment.id,
        batch.map((transaction) => transaction.nonce),
      ),
    );
    const [first] = batch;
    if (first && first.ageMs > OUTBID_AFTER_MS) await this.outbid(account, first);
    return last.nonce + 1;
  }

  /** The same call with the same nonce for a higher fee. Every variant is kept: any of them may be the one that is mined. */
  private async outbid(
    account: ChainAccount,
    { kind, nonce, variant, to, data, gas, fee }: StoredTransaction,
  ): Promise<void> {
    const higher = replacementFee(fee, await this.chain.suggestFee());
    if (higher === fee) return;
    const signed = await this.uow.run((tx) =>
      this.store.execute(tx, {
        kind,
        chainId: account.chainId,
        nonce,
        variant: variant + 1,
        to,
        call: { data, gas },
        fee: higher,
      }),
    );
    await this.chain.send(signed);
  }
}
