import { Injectable, Logger } from '@nestjs/common';
import { AnchorChain, type Hex, PROOF_REFUSALS, type ProofRefusal, type SlotProof } from '#chain';
import { SystemUnitOfWork } from '#database';
import { rootSlot, verifyAnchorProof } from '#proof';
import type { Deployment } from '../domain/anchor.js';
import { AnchorProofRepository, type UnprovenAnchor } from '../infra/anchor-proof.repository.js';

/** Each is two requests to the node. */
const MOST_AT_ONCE = 16;

/**
 * Takes from the node what proves a final anchor offline (docs/formats/anchor-proof-v1.md), and stores it only when it
 * verifies. A node that cannot give it is asked once for each block: the anchor then says why it has none.
 */
@Injectable()
export class ProveAnchorsService {
  private readonly logger = new Logger(ProveAnchorsService.name);
  private said: ProofRefusal | null = null;

  constructor(
    private readonly uow: SystemUnitOfWork,
    private readonly chain: AnchorChain,
    private readonly proofs: AnchorProofRepository,
  ) {}

  /** Returns whether there may be more to do. @throws ChainUnavailableError */
  async execute(deployment: Deployment): Promise<boolean> {
    const anchors = await this.uow.run((tx) => this.proofs.unproven(tx, deployment.id, MOST_AT_ONCE));
    for (const anchor of anchors) {
      const proof = await this.make(deployment, anchor);
      await this.uow.run((tx) => this.proofs.store(tx, anchor, proof));
      this.say(proof);
    }
    return anchors.length === MOST_AT_ONCE;
  }

  private async make(deployment: Deployment, anchor: UnprovenAnchor): Promise<SlotProof | ProofRefusal> {
    const { chainId, contract, logId } = deployment;
    const { size, root, block } = anchor;
    const slot = rootSlot(logId, size) as Hex;
    const made = await this.chain.proveSlot(contract, slot, { number: BigInt(block.number), hash: block.hash });
    if (typeof made === 'string') return made;
    const document = {
      ...{ v: 1, chainId, contract: contract.toLowerCase(), logId, size, root: root.slice(2) },
      ...{ blockNumber: block.number, blockHash: block.hash, ...made },
    };
    try {
      await verifyAnchorProof(document, { blockHash: block.hash });
      return made;
    } catch {
      return 'does-not-hold';
    }
  }

  private say(proof: SlotProof | ProofRefusal): void {
    const refusal = typeof proof === 'string' ? proof : null;
    if (refusal && refusal !== this.said) {
      this.logger.warn(`anchors have no proof for offline verification: ${PROOF_REFUSALS[refusal]}`);
    }
    this.said = refusal;
  }
}
