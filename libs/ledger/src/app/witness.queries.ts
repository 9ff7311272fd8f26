import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import type { OpContext } from '#kernel';
import { NotWitnessedError } from '../domain/ledger.errors.js';
import type { WitnessOverview } from '../domain/witness.js';
import { OpenLogRepository } from '../infra/open-log.repository.js';
import { OpenWitnessRepository } from '../infra/open-witness.repository.js';

/** Who watches the log, and how far each has come. */
@Injectable()
export class WitnessQueries {
  constructor(
    private readonly witnesses: OpenWitnessRepository,
    private readonly log: OpenLogRepository,
  ) {}

  /** What everybody may know; leaves out where witnesses answer and why one does not. */
  overview(): Promise<WitnessOverview> {
    return this.witnesses.overview();
  }

  /** The same with addresses and failures, for the operator. */
  async standing(ctx: OpContext): Promise<WitnessOverview> {
    requirePermission(ctx, 'system:ledger:read');
    return this.witnesses.overview();
  }

  /** The newest checkpoint that enough witnesses cosigned. @throws NotWitnessedError */
  async witnessedCheckpoint(): Promise<string> {
    const head = await this.log.newestWitnessedHead();
    if (!head) throw new NotWitnessedError();
    return head.note;
  }
}
