import { Injectable } from '@nestjs/common';
import { Outbox, SystemUnitOfWork } from '#database';
import { DomainError } from '#kernel';
import { VPC_TOPIC, VpcIntentQuery, VpcRealization } from '#network';
import type { VpcIntent } from '#topology';
import { Cell } from '../domain/cell.js';
import { diffPlans, isNoChange } from '../domain/diff-plans.js';
import { NetworkDriver, StaleGenerationError } from '../domain/network-driver.js';
import { renderNorthbound } from '../domain/render-northbound.js';

/**
 * Brings one VPC's data plane to its intent, whatever state either is in: reads both, applies the difference, and says how
 * far it came. Any number of workers may do so at once for the same VPC; the generation decides.
 */
@Injectable()
export class ReconcileVpcService {
  constructor(
    private readonly uow: SystemUnitOfWork,
    private readonly outbox: Outbox,
    private readonly intents: VpcIntentQuery,
    private readonly realization: VpcRealization,
    private readonly driver: NetworkDriver,
    private readonly cell: Cell,
  ) {}

  async execute(vpcId: string): Promise<void> {
    // The hints first: the intent, read after them, holds at least the changes that they are about.
    const { through, intent } = await this.uow.run(async (tx) => ({
      through: await this.outbox.pendingThrough(tx, VPC_TOPIC, vpcId),
      intent: await this.intents.read(tx, vpcId),
    }));
    if (intent) await this.converge(intent);
    await this.uow.run(async (tx) => {
      if (intent) await this.realization.realized(tx, vpcId, intent.generation, this.driver.realization);
      await this.outbox.complete(tx, VPC_TOPIC, vpcId, through);
    });
  }

  private async converge(intent: VpcIntent): Promise<void> {
    try {
      await this.apply(intent);
    } catch (error) {
      if (!(error instanceof StaleGenerationError)) await this.tell(intent, error);
      throw error;
    }
  }

  private async apply(intent: VpcIntent): Promise<void> {
    const { tenantId, vpcId, generation } = intent;
    const observed = await this.driver.observe(vpcId);
    if (observed.generation !== null && observed.generation > generation) {
      throw new StaleGenerationError(vpcId, generation);
    }
    const rows = renderNorthbound(intent, this.cell);
    const change = diffPlans(observed.rows, rows);
    if (observed.generation === generation && isNoChange(change)) return;
    await this.driver.apply({ tenantId, vpcId, from: observed.generation, to: generation, change, rows });
  }

  /** The tenant sees that the VPC failed and why; a defect of ours only says that there is one. */
  private async tell(intent: VpcIntent, error: unknown): Promise<void> {
    const reason =
      error instanceof DomainError
        ? error.message
        : 'The data plane could not be brought to this state; it is tried again.';
    await this.uow.run((tx) => this.realization.failed(tx, intent.vpcId, intent.generation, reason));
  }
}
