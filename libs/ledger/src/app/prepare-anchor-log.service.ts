import { Injectable } from '@nestjs/common';
import {
  AnchorChain,
  ascending,
  changeSignersCall,
  contractAddress,
  createLogCall,
  creationCall,
  type Hex,
  NO_LINK,
  type SignerSetLink,
  signerSetLinkHash,
} from '#chain';
import { SystemUnitOfWork, type Tx } from '#database';
import { AnchoringBlockedError } from '../domain/anchor.errors.js';
import type { Deployment } from '../domain/anchor.js';
import { AnchorDeploymentRepository } from '../infra/anchor-deployment.repository.js';
import { logIdOf } from '../infra/anchor-hex.js';
import { AnchorKeys } from '../infra/anchor-keys.js';
import { AnchorTransactionRepository } from '../infra/anchor-transaction.repository.js';
import { LogIdentity } from '../infra/log-identity.js';
import { StoreAnchorTransactionService } from './store-anchor-transaction.service.js';

/** Sees to it that there is a registry on the chain, with our log in it, under the signers that the settings ask for. */
@Injectable()
export class PrepareAnchorLogService {
  private readonly logId: Hex;

  constructor(
    private readonly uow: SystemUnitOfWork,
    private readonly chain: AnchorChain,
    private readonly keys: AnchorKeys,
    private readonly deployments: AnchorDeploymentRepository,
    private readonly transactions: AnchorTransactionRepository,
    private readonly store: StoreAnchorTransactionService,
    identity: LogIdentity,
  ) {
    this.logId = logIdOf(identity.origin);
  }

  /** Who sends the transactions. */
  get address(): Hex {
    return this.keys.account.address;
  }

  /**
   * The deployment on this chain. A first one is planned: its two transactions, the contract's and the log's, are stored
   * and still to be sent. `minedNonce` is where the chain's account stands.
   */
  async deployment(chainId: number, minedNonce: number): Promise<Deployment> {
    const account = { chainId, address: this.keys.account.address };
    const known = await this.uow.run((tx) => this.deployments.find(tx, account, this.logId));
    if (known) return known;
    const fee = await this.chain.suggestFee();
    return this.uow.run(async (tx) => {
      const nonce = await this.transactions.lockAccount(tx, account, minedNonce);
      const raced = await this.deployments.find(tx, account, this.logId);
      if (raced) return raced;
      const contract = contractAddress(account.address, nonce);
      const link = this.signerSet({ epoch: 1, prev: NO_LINK });
      const signers = await this.keys.quorumOf(link.signers, link.threshold);
      const signatures = await Promise.all(signers.map((key) => key.signSignerSet({ chainId, contract }, link)));
      await this.store.execute(tx, { kind: 'deploy', chainId, nonce, to: null, call: creationCall(), fee });
      await this.store.execute(tx, {
        kind: 'create-log',
        chainId,
        nonce: nonce + 1,
        to: contract,
        call: createLogCall(link, signatures),
        fee,
      });
      await this.transactions.moveNonce(tx, account, nonce + 2);
      await this.deployments.insert(tx, {
        ...link,
        chainId,
        account: account.address,
        contract,
        signers: [...link.signers],
        head: signerSetLinkHash(link),
      });
      return this.require(tx, account);
    });
  }

  /**
   * Plans the change to the signers of the settings, when they differ; false when they do not. The quorum of the present
   * signers signs it. To be called when every transaction so far is mined.
   * @throws AnchoringBlockedError when their keys are not ours
   */
  async changeSigners({ chainId, threshold, signers }: Deployment, minedNonce: number): Promise<boolean> {
    const { required } = this.keys.quorum;
    if (threshold === required && sameAddresses(signers, this.keys.signerAddresses)) return false;
    const account = { chainId, address: this.keys.account.address };
    const fee = await this.chain.suggestFee();
    return this.uow.run(async (tx) => {
      const nonce = await this.transactions.lockAccount(tx, account, minedNonce);
      const current = await this.deployments.lock(tx, account, this.logId);
      if (!current || nonce !== minedNonce) return false;
      const quorum = await this.keys.quorumOf(current.signers, current.threshold);
      if (quorum.length < current.threshold) {
        throw new AnchoringBlockedError(
          `the change to ${required} of ${this.keys.quorum.total} signers needs ${current.threshold} of the present ones, and ${quorum.length} of their keys are here; set FREEHOLD_ANCHOR_SIGNERS back`,
        );
      }
      const link = this.signerSet({ epoch: current.epoch + 1, prev: current.head });
      const { contract } = current;
      const signatures = await Promise.all(quorum.map((key) => key.signSignerSet({ chainId, contract }, link)));
      const call = changeSignersCall(link, signatures);
      await this.store.execute(tx, { kind: 'change-signers', chainId, nonce, to: contract, call, fee });
      await this.transactions.moveNonce(tx, account, nonce + 1);
      await this.deployments.changeSigners(tx, current.id, { ...link, head: signerSetLinkHash(link) });
      return true;
    });
  }

  private signerSet({ epoch, prev }: { epoch: number; prev: Hex }): SignerSetLink {
    return {
      logId: this.logId,
      epoch,
      threshold: this.keys.quorum.required,
      signers: this.keys.signerAddresses,
      prev,
    };
  }

  private async require(tx: Tx, account: { chainId: number; address: Hex }): Promise<Deployment> {
    const deployment = await this.deployments.find(tx, account, this.logId);
    if (!deployment) throw new Error('the deployment that was just stored is not there');
    return deployment;
  }
}

function sameAddresses(left: readonly Hex[], right: readonly Hex[]): boolean {
  return ascending(left).join() === ascending(right).join();
}
