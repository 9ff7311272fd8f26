import { Injectable } from '@nestjs/common';
import { AnchorChain, type AnchorLink, anchorCall, anchorLinkHash } from '#chain';
import { SystemUnitOfWork, type Tx } from '#database';
import { newId } from '#kernel';
import { AnchoringBlockedError } from '../domain/anchor.errors.js';
import { type Deployment, isAnchorDue } from '../domain/anchor.js';
import { type AnchorBacklog, AnchorRepository } from '../infra/anchor.repository.js';
import { AnchorDeploymentRepository } from '../infra/anchor-deployment.repository.js';
import { AnchorKeys } from '../infra/anchor-keys.js';
import { AnchorTransactionRepository } from '../infra/anchor-transaction.repository.js';
import { PublishedHeadCheck } from './published-head-check.js';
import { StoreAnchorTransactionService } from './store-anchor-transaction.service.js';

/** Where the chain's account stands and how often an anchor may be made. */
export interface AnchorOccasion {
  minedNonce: number;
  intervalMs: number;
  urgentIntervalMs: number;
}

/** Turns the newest published checkpoint into an anchor: signed by the quorum, stored with its transaction, not sent yet. */
@Injectable()
export class PlaceAnchorService {
  constructor(
    private readonly uow: SystemUnitOfWork,
    private readonly chain: AnchorChain,
    private readonly keys: AnchorKeys,
    private readonly anchors: AnchorRepository,
    private readonly deployments: AnchorDeploymentRepository,
    private readonly transactions: AnchorTransactionRepository,
    private readonly store: StoreAnchorTransactionService,
    private readonly heads: PublishedHeadCheck,
  ) {}

  /**
   * Whether there was something to anchor.
   * @throws AnchoringBlockedError when too few signers' keys are here, or the published head is none of this log
   */
  async execute(deployment: Deployment, occasion: AnchorOccasion): Promise<boolean> {
    const backlog = await this.uow.run((tx) => this.anchors.backlog(tx, deployment.id));
    if (!isDue(backlog, occasion, 0)) return false;
    const fee = await this.chain.suggestFee();
    const account = { chainId: deployment.chainId, address: deployment.account };
    return this.uow.run(async (tx) => {
      const nonce = await this.transactions.lockAccount(tx, account, occasion.minedNonce);
      const current = await this.deployments.lock(tx, account, deployment.logId);
      const now = await this.anchors.backlog(tx, deployment.id);
      const { published } = now;
      if (!current || !published || !isDue(now, occasion, nonce - occasion.minedNonce)) return false;
      await this.heads.require(tx, published, now.anchored);
      const link: AnchorLink = {
        logId: current.logId,
        epoch: current.epoch,
        size: BigInt(published.size),
        root: published.root,
        prev: current.head,
      };
      const call = anchorCall(link, await this.sign(current, link));
      const { chainId, contract } = current;
      const { hash } = await this.store.execute(tx, { kind: 'anchor', chainId, nonce, to: contract, call, fee });
      await this.record(tx, current, { ...link, nonce, txHash: hash });
      await this.transactions.moveNonce(tx, account, nonce + 1);
      return true;
    });
  }

  private async sign({ chainId, contract, signers, threshold }: Deployment, link: AnchorLink) {
    const quorum = await this.keys.quorumOf(signers, threshold);
    if (quorum.length < threshold) {
      throw new AnchoringBlockedError(
        `an anchor needs ${threshold} signers, and ${quorum.length} of their keys are here`,
      );
    }
    return Promise.all(quorum.map((key) => key.signAnchor({ chainId, contract }, link)));
  }

  private async record(
    tx: Tx,
    deployment: Deployment,
    anchor: AnchorLink & { nonce: number; txHash: `0x${string}` },
  ): Promise<void> {
    const head = anchorLinkHash(anchor);
    const { size, root, epoch, prev, nonce, txHash } = anchor;
    await this.anchors.insert(tx, {
      id: newId('anchor'),
      deploymentId: deployment.id,
      size: Number(size),
      root,
      epoch,
      prev,
      head,
      nonce,
      txHash,
    });
    await this.deployments.moveHead(tx, deployment.id, head);
  }
}

function isDue(backlog: AnchorBacklog, { intervalMs, urgentIntervalMs }: AnchorOccasion, unmined: number): boolean {
  const { published, anchored, elapsedMs, urgent } = backlog;
  const sizes = { publishedSize: published?.size ?? 0, anchoredSize: anchored?.size ?? 0 };
  return isAnchorDue({ ...sizes, elapsedMs, urgent, intervalMs, urgentIntervalMs, unmined });
}
