import { Injectable } from '@nestjs/common';
import { AnchorChain, type Hex, type MinedTransaction } from '#chain';
import { SystemUnitOfWork } from '#database';
import { AnchoringBlockedError } from '../domain/anchor.errors.js';
import type { Anchor, AnchorBlock, Deployment } from '../domain/anchor.js';
import { AnchorRepository, type MinedAnchor } from '../infra/anchor.repository.js';
import { AnchorDeploymentRepository } from '../infra/anchor-deployment.repository.js';
import { AnchorTransactionRepository } from '../infra/anchor-transaction.repository.js';

const BATCH = 200;

/** What is left to wait for. */
export interface Settlement {
  /** Where the chain's account stands. */
  minedNonce: number;
  /** Transactions that are in no block. */
  unmined: number;
  /** Anchors that are not final. */
  open: number;
}

/**
 * Finds out what became of the transactions: in which block each is, whether that block is still the chain's, and whether
 * it is final. Holds the contract's head against the one that was signed.
 */
@Injectable()
export class SettleAnchorsService {
  constructor(
    private readonly uow: SystemUnitOfWork,
    private readonly chain: AnchorChain,
    private readonly anchors: AnchorRepository,
    private readonly deployments: AnchorDeploymentRepository,
    private readonly transactions: AnchorTransactionRepository,
  ) {}

  /** @throws AnchoringBlockedError when the chain holds something else than what was sent; ChainUnavailableError */
  async execute(deployment: Deployment): Promise<Settlement> {
    await this.reopenReplaced(deployment);
    const minedNonce = await this.chain.minedNonce(deployment.account);
    let open = await this.uow.run((tx) => this.anchors.unsettled(tx, deployment.id, BATCH));
    const inBlocks = open.filter(({ block, nonce }) => block === null && nonce < minedNonce);
    if (inBlocks.length > 0) {
      await this.findBlocks(deployment, inBlocks);
      open = await this.uow.run((tx) => this.anchors.unsettled(tx, deployment.id, BATCH));
    }
    const settled = await this.finalise(open);
    const { head, nextNonce } = await this.signedSoFar(deployment);
    if (nextNonce === minedNonce) await this.checkHead(deployment, head);
    return { minedNonce, unmined: nextNonce - minedNonce, open: open.length - settled };
  }

  /** Final anchors whose block another one has replaced, from the newest back to the first that still stands. */
  private async reopenReplaced({ id }: Deployment): Promise<void> {
    for (let below = Number.MAX_SAFE_INTEGER; ; ) {
      const [newest] = await this.uow.run((tx) => this.anchors.newestFinal(tx, id, below, 1));
      if (!newest?.block) return;
      const hash = await this.chain.blockHash(BigInt(newest.block.number));
      // A development chain forgets old blocks; the contract's head stands for them.
      if (hash === null || hash === newest.block.hash) return;
      await this.uow.run((tx) => this.anchors.reopen(tx, newest.id));
      below = newest.size;
    }
  }

  private async findBlocks(deployment: Deployment, waiting: Anchor[]): Promise<void> {
    const account = { chainId: deployment.chainId, address: deployment.account };
    const nonces = waiting.map(({ nonce }) => nonce);
    const hashes = await this.uow.run((tx) => this.transactions.hashes(tx, account, nonces));
    const receipts = new Map<string, MinedTransaction>();
    for (const receipt of await this.chain.receipts([...hashes.values()].flat())) {
      if (receipt) receipts.set(receipt.hash, receipt);
    }
    const mined: MinedAnchor[] = [];
    for (const anchor of waiting) {
      const receipt = hashes
        .get(anchor.nonce)
        ?.map((hash) => receipts.get(hash))
        .find((found) => found !== undefined);
      mined.push(
        receipt?.succeeded
          ? {
              id: anchor.id,
              txHash: receipt.hash,
              block: { number: Number(receipt.blockNumber), hash: receipt.blockHash },
            }
          : { id: anchor.id, txHash: anchor.txHash, block: await this.blockThatHolds(deployment, anchor) },
      );
    }
    await this.uow.run((tx) => this.anchors.markMined(tx, mined));
  }

  /**
   * The nonce is used, but there is no receipt of success: a recycled development chain has forgotten it, or somebody else
   * brought our signatures to the contract first. Either way the contract holds the head, or something is wrong.
   */
  private async blockThatHolds({ contract, logId }: Deployment, { size, root, nonce }: Anchor): Promise<AnchorBlock> {
    const { number, hash } = await this.chain.latestBlock();
    const held = await this.chain.readRoot(contract, logId, BigInt(size));
    if (held === root) return { number: Number(number), hash };
    throw new AnchoringBlockedError(
      `transaction ${nonce} is in the chain, but the contract ${contract} holds ${held ?? 'no root'} and not ${root} for ${size} entries`,
    );
  }

  /** Returns how many became final. */
  private async finalise(open: Anchor[]): Promise<number> {
    const inBlocks = open.filter((anchor) => anchor.block !== null);
    if (inBlocks.length === 0) return 0;
    const through = await this.chain.finalThrough();
    const due = inBlocks.filter(({ block }) => block !== null && BigInt(block.number) <= through);
    if (due.length === 0) return 0;
    const canonical = await Promise.all(due.map(({ block }) => this.chain.blockHash(BigInt(block?.number ?? 0))));
    const standing = due.filter(({ block }, at) => block?.hash === canonical[at]);
    const { independentTrust } = await this.chain.describe();
    const mark = { finality: this.chain.finality.label, independentTrust };
    await this.uow.run(async (tx) => {
      for (const anchor of due) if (!standing.includes(anchor)) await this.anchors.reopen(tx, anchor.id);
      await this.anchors.markFinal(
        tx,
        standing.map(({ id }) => id),
        mark,
      );
    });
    return standing.length;
  }

  private async signedSoFar({ chainId, account: address, logId }: Deployment) {
    const account = { chainId, address };
    return this.uow.run(async (tx) => ({
      head: (await this.deployments.find(tx, account, logId))?.head,
      nextNonce: await this.transactions.nextNonce(tx, account),
    }));
  }

  /** With every transaction in a block, the contract must stand exactly where the database says it was led to. */
  private async checkHead({ contract, logId }: Deployment, signed: Hex | undefined): Promise<void> {
    const log = await this.chain.readLog(contract, logId);
    if (log?.head === signed) return;
    throw new AnchoringBlockedError(
      log
        ? `the head of the log in the contract ${contract} is ${log.head}, but ${signed} was sent`
        : `the contract ${contract} does not know the log, though every transaction is in a block`,
    );
  }
}
