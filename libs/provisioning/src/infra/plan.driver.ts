import { Injectable } from '@nestjs/common';
import { postgresErrorOf, SystemUnitOfWork } from '#database';
import type { Realization } from '#network';
import { Cell } from '../domain/cell.js';
import { NetworkDriver, type ObservedVpc, StaleGenerationError, type VpcTransition } from '../domain/network-driver.js';
import { planDigest } from '../domain/plan-digest.js';
import { PlanRepository } from './plan.repository.js';

/** The driver that needs no privileges and no OVN: it writes down what would be programmed, row for row, and says so. */
@Injectable()
export class PlanDriver extends NetworkDriver {
  readonly realization: Realization = 'planned';

  constructor(
    private readonly uow: SystemUnitOfWork,
    private readonly plans: PlanRepository,
    private readonly cell: Cell,
  ) {
    super();
  }

  async observe(vpcId: string): Promise<ObservedVpc> {
    const plan = await this.uow.run((tx) => this.plans.find(tx, vpcId));
    return plan ?? { generation: null, rows: [] };
  }

  async apply(transition: VpcTransition): Promise<void> {
    const { vpcId, to, rows } = transition;
    await this.uow
      .run(async (tx) => {
        const moved = await this.plans.move(tx, this.cell.name, planDigest(rows), transition);
        if (!moved) throw new StaleGenerationError(vpcId, to);
        await this.plans.change(tx, transition);
      })
      .catch((error: unknown) => {
        // The VPC was removed meanwhile: whoever did that knew a later generation.
        if (postgresErrorOf(error)?.constraint === 'vpc_plan_vpc_fk') throw new StaleGenerationError(vpcId, to);
        throw error;
      });
  }
}
