import { Injectable } from '@nestjs/common';
import { SystemUnitOfWork } from '#database';
import { CheckpointGate, type SignedHead } from '../domain/checkpoint-gate.js';
import { EpochLostError } from '../domain/held-log.js';
import { LogRepository } from '../infra/log.repository.js';
import { WitnessRepository } from '../infra/witness.repository.js';
import { Witnessing, WitnessingOptions } from './witnessing.js';

/** Publishes at once. Witnesses add their cosignatures as they come. */
@Injectable()
export class PublishAtOnceGate extends CheckpointGate {
  constructor(
    private readonly uow: SystemUnitOfWork,
    private readonly log: LogRepository,
    private readonly witnessing: Witnessing,
  ) {
    super();
  }

  ready(): boolean {
    return true;
  }

  async pass(head: SignedHead): Promise<void> {
    const published = await this.uow.run((tx) => this.log.publish(tx, head, head.note, head.epoch));
    if (!published) throw new EpochLostError(head.epoch);
    this.witnessing.offer(head);
  }
}

/**
 * Publishes a head only with the cosignatures that make it a witnessed one, in one transaction. Without enough witnesses
 * nothing is published: entries are recorded and sequenced meanwhile, and the next head covers them all.
 */
@Injectable()
export class WitnessedGate extends CheckpointGate {
  constructor(
    private readonly uow: SystemUnitOfWork,
    private readonly log: LogRepository,
    private readonly witnesses: WitnessRepository,
    private readonly witnessing: Witnessing,
    options: WitnessingOptions,
  ) {
    super();
    const { threshold } = options.policy;
    this.witnessing.publishThrough((head, lines) =>
      this.uow.run(async (tx) => {
        const published = await this.log.publish(tx, head, head.note, head.epoch);
        if (published) await this.witnesses.addCosignatures(tx, head.size, lines, threshold);
        return published;
      }),
    );
  }

  ready(): boolean {
    return this.witnessing.wantsNewer();
  }

  async pass(head: SignedHead): Promise<void> {
    this.witnessing.offer(head);
  }
}
