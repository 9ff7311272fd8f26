import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import type { VpcIntent } from '#topology';
import { intentOf } from '#topology';
import { VpcRealizationRepository } from '../infra/vpc-realization.repository.js';
import { VpcSnapshotRepository } from '../infra/vpc-snapshot.repository.js';

/** What reconcilers ask: what a VPC should be, and which VPCs are not there yet. For the system role. */
@Injectable()
export class VpcIntentQuery {
  constructor(
    private readonly snapshots: VpcSnapshotRepository,
    private readonly realizations: VpcRealizationRepository,
  ) {}

  /** One consistent snapshot; null when the VPC is gone, and then nothing of it may remain. */
  async read(tx: Tx, vpcId: string): Promise<VpcIntent | null> {
    const snapshot = await this.snapshots.read(tx, vpcId);
    return snapshot && intentOf(snapshot);
  }

  /**
   * Ids of VPCs whose data plane is behind, ascending: what a timer rescans, so that a lost hint costs latency alone.
   * `after` is the last id of the page before.
   */
  unrealized(tx: Tx, page: { limit: number; after?: string }): Promise<string[]> {
    return this.realizations.unrealized(tx, page);
  }
}
