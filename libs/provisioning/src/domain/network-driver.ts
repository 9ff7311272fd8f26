import { DomainError } from '#kernel';
import type { Realization } from '#network';
import type { NbRow } from '#ovn';
import type { PlanChange } from './diff-plans.js';

/** What the data plane holds of a VPC. `generation` is null when it holds nothing yet. */
export interface ObservedVpc {
  generation: number | null;
  rows: NbRow[];
}

/** From what was observed to what should be. */
export interface VpcTransition {
  tenantId: string;
  vpcId: string;
  /** What `change` was computed against: when the data plane has moved on since, nothing is applied. */
  from: number | null;
  /** Never below `from`. */
  to: number;
  change: PlanChange;
  /** All rows as they are afterwards. */
  rows: readonly NbRow[];
}

/** Another writer was quicker, or knows a later generation. Look again, and try again. */
export class StaleGenerationError extends DomainError {
  constructor(vpcId: string, generation: number) {
    super(
      'conflict',
      'StaleGeneration',
      `the data plane of ${vpcId} has moved on; generation ${generation} was not applied`,
    );
  }
}

/**
 * Brings a data plane to what is intended. `plan` writes down the exact rows and needs nothing; others program them.
 * An implementation refuses to go back: a worker that slept through a newer change must not undo it.
 */
export abstract class NetworkDriver {
  /** What it means that a generation was applied. */
  abstract readonly realization: Realization;
  abstract observe(vpcId: string): Promise<ObservedVpc>;
  /** All of it or nothing. @throws StaleGenerationError */
  abstract apply(transition: VpcTransition): Promise<void>;
}
