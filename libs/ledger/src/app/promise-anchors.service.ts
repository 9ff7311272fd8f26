import { Injectable } from '@nestjs/common';
import { SystemUnitOfWork } from '#database';
import { type AnchorPromise, anchorPromiseOf } from '#proof';
import type { Deployment } from '../domain/anchor.js';
import { bytesOf } from '../infra/anchor-hex.js';
import { AnchorKeys } from '../infra/anchor-keys.js';
import { AnchorPromiseRepository, type UnpromisedHead } from '../infra/anchor-promise.repository.js';
import { PublishedHeadCheck } from './published-head-check.js';

export abstract class AnchorPromiseOptions {
  /** How long the operator has to anchor a published head, in seconds; 0 promises nothing. */
  abstract readonly promiseSeconds: number;
}

/** Newer heads contain the older ones: of a long backlog the newest are promised. */
const MOST_AT_ONCE = 32;

/**
 * Promises that published heads will be anchored (docs/formats/anchor-promise-v1.md): one signer's word, for whoever has a
 * receipt whose anchor is pending. No chain need be asked, so promises are also made while the chain is down; but only for
 * a registry that this process has seen, because one on a chain that nobody anchors to any more could not be kept.
 */
@Injectable()
export class PromiseAnchorsService {
  constructor(
    private readonly uow: SystemUnitOfWork,
    private readonly keys: AnchorKeys,
    private readonly promises: AnchorPromiseRepository,
    private readonly heads: PublishedHeadCheck,
    private readonly options: AnchorPromiseOptions,
  ) {}

  /** Also forgets the promises that are kept. @throws AnchoringBlockedError when a published head is none of this log */
  async execute(deployment: Deployment): Promise<void> {
    await this.uow.run((tx) => this.promises.forgetKept(tx, deployment.id));
    if (this.options.promiseSeconds === 0) return;
    await this.uow.run(async (tx) => {
      const { heads, now } = await this.promises.unpromised(tx, deployment.id, MOST_AT_ONCE);
      if (heads.length === 0) return;
      for (const head of heads) await this.heads.require(tx, head);
      const deadline = now + this.options.promiseSeconds;
      const made = await Promise.all(heads.map((head) => this.sign(deployment, head, deadline)));
      await this.promises.insert(
        tx,
        deployment.id,
        made.filter((promise) => promise !== null),
      );
    });
  }

  /** Null when no signer's key is here. */
  private async sign(
    { chainId, contract, logId, signers }: Deployment,
    { size, root }: UnpromisedHead,
    deadline: number,
  ): Promise<AnchorPromise | null> {
    const [key] = await this.keys.quorumOf(signers, 1);
    if (!key) return null;
    const terms = { logId, size: BigInt(size), root, deadline: BigInt(deadline) };
    const { signer, signature } = await key.signAnchorPromise({ chainId, contract }, terms);
    const document = { chainId, contract: contract.toLowerCase(), logId, size, root: root.slice(2), deadline };
    return anchorPromiseOf(document, signer, bytesOf(signature));
  }
}
