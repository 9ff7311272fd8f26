import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import type { Realization } from '../infra/vpc.entity.js';
import { VpcContentsPurge } from '../infra/vpc-contents-purge.js';
import { VpcRealizationRepository } from '../infra/vpc-realization.repository.js';

/** What reconcilers report back: how far the data plane of a VPC has come. For the system role. */
@Injectable()
export class VpcRealization {
  constructor(
    private readonly realizations: VpcRealizationRepository,
    private readonly purge: VpcContentsPurge,
  ) {}

  /**
   * The data plane has reached `generation`. Moves forward, never back; rows whose deletion is reached go, their addresses
   * and blocks are free again, and so is the VPC itself when it was to go. `realization` says what "reached" stands for.
   * @returns false when it was reached before, or the VPC is gone
   */
  async realized(tx: Tx, vpcId: string, generation: number, realization: Realization = 'planned'): Promise<boolean> {
    const reached = await this.realizations.moveTo(tx, vpcId, generation, realization);
    if (!reached) return false;
    if (reached.vpcIsGone) await this.purge.wholeVpc(tx, reached.tenantId, vpcId);
    else if (reached.leftovers) await this.purge.upTo(tx, reached.tenantId, vpcId, generation);
    return true;
  }

  /**
   * The data plane could not be brought to `generation`; `reason` is for people. Cleared by the next success, and ignored
   * when that generation was reached meanwhile.
   */
  failed(tx: Tx, vpcId: string, generation: number, reason: string): Promise<void> {
    return this.realizations.fail(tx, vpcId, generation, reason);
  }
}
