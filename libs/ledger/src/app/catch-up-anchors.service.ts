import { Injectable, Logger } from '@nestjs/common';
import { AnchorChain, type AnchoredLog, type FoundAnchor } from '#chain';
import { SystemUnitOfWork, type Tx } from '#database';
import { newId } from '#kernel';
import { AnchoringBlockedError } from '../domain/anchor.errors.js';
import type { Deployment } from '../domain/anchor.js';
import { AnchorRepository } from '../infra/anchor.repository.js';
import { AnchorDeploymentRepository } from '../infra/anchor-deployment.repository.js';
import { AnchorTransactionRepository } from '../infra/anchor-transaction.repository.js';

/**
 * For a database that lost the newest anchors, in a failover say, while the chain has them. It goes on from there when the
 * log contains what they anchored; a database that does not contain it is an older copy and must not.
 */
@Injectable()
export class CatchUpAnchorsService {
  private readonly logger = new Logger(CatchUpAnchorsService.name);

  constructor(
    private readonly uow: SystemUnitOfWork,
    private readonly chain: AnchorChain,
    private readonly anchors: AnchorRepository,
    private readonly deployments: AnchorDeploymentRepository,
    private readonly transactions: AnchorTransactionRepository,
  ) {}

  /** `minedNonce` is more than the database's next nonce. @throws AnchoringBlockedError, ChainUnavailableError */
  async execute(deployment: Deployment, minedNonce: number): Promise<void> {
    const { chainId, account: address, contract, logId } = deployment;
    const log = await this.chain.readLog(contract, logId);
    const newest = log && log.size > 0n ? await this.chain.findAnchor(contract, logId, log.size) : null;
    const caughtUp = await this.uow.run(async (tx) => {
      const account = { chainId, address };
      if ((await this.transactions.lockAccount(tx, account, minedNonce)) >= minedNonce) return true;
      const current = await this.deployments.lock(tx, account, logId);
      if (!log || !current || !(await this.continues(tx, current, log, newest))) return false;
      await this.transactions.moveNonce(tx, account, minedNonce);
      await this.deployments.moveHead(tx, current.id, log.head);
      if (newest) await this.adopt(tx, current, newest, minedNonce - 1);
      return true;
    });
    if (!caughtUp) {
      throw new AnchoringBlockedError(
        `the chain has ${minedNonce} transactions of ${address}, more than this database knows, and they anchor what it does not have: it was restored from an older copy`,
      );
    }
    this.logger.warn(`the database had lost the newest anchors; it goes on from the chain's ${log?.size ?? 0} entries`);
  }

  /** Whether the log holds what the contract holds, under the same signers, and the contract's head is that anchor's. */
  private async continues(
    tx: Tx,
    { epoch }: Deployment,
    log: AnchoredLog,
    newest: FoundAnchor | null,
  ): Promise<boolean> {
    if (log.epoch !== epoch) return false;
    if (log.size === 0n) return true;
    return newest?.head === log.head && (await this.anchors.isPublished(tx, Number(log.size), log.root));
  }

  private async adopt(tx: Tx, deployment: Deployment, found: FoundAnchor, nonce: number): Promise<void> {
    const { root, epoch, prev, head, transactionHash: txHash } = found;
    const id = newId('anchor');
    const size = Number(found.size);
    // A stranger may have brought the newest one; then the database has it already.
    if (await this.anchors.isAnchored(tx, deployment.id, size)) return;
    await this.anchors.insert(tx, { id, deploymentId: deployment.id, size, root, epoch, prev, head, nonce, txHash });
    const block = { number: Number(found.blockNumber), hash: found.blockHash };
    await this.anchors.markMined(tx, [{ id, txHash, block }]);
  }
}
