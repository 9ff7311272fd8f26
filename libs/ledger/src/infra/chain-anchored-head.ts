import { Injectable } from '@nestjs/common';
import { AnchorChain, type AnchoredLog, contractAddress } from '#chain';
import { SystemUnitOfWork } from '#database';
import { AnchoredHeadSource, type LogHead } from '../domain/rollback-guard.js';
import { AnchorDeploymentRepository } from './anchor-deployment.repository.js';
import { bytesOf, logIdOf } from './anchor-hex.js';
import { AnchorKeys } from './anchor-keys.js';
import { LogIdentity } from './log-identity.js';

/** What the contract itself holds as our newest head: a restored database cannot change it. */
@Injectable()
export class ChainAnchoredHead extends AnchoredHeadSource {
  constructor(
    private readonly uow: SystemUnitOfWork,
    private readonly chain: AnchorChain,
    private readonly keys: AnchorKeys,
    private readonly deployments: AnchorDeploymentRepository,
    private readonly identity: LogIdentity,
  ) {
    super();
  }

  /** @throws ChainUnavailableError, which the log's takeover survives */
  async anchoredHead(): Promise<LogHead | null> {
    const address = this.keys.account.address;
    const account = { chainId: await this.chain.chainId(), address };
    const logId = logIdOf(this.identity.origin);
    const known = await this.uow.run((tx) => this.deployments.find(tx, account, logId));
    // A copy from before the deployment does not name the contract, but the account's first one has this address.
    const contract = known?.contract ?? contractAddress(address, 0);
    const newest = await this.chain.latestBlock();
    const through = await this.chain.finalThrough();
    if (through < 0n) return null;
    const log: AnchoredLog | null = await this.chain.readLog(
      contract,
      logId,
      through < newest.number ? through : undefined,
    );
    return log && log.size > 0n ? { size: Number(log.size), root: bytesOf(log.root) } : null;
  }
}
