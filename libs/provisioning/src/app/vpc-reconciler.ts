import { Injectable } from '@nestjs/common';
import { VPC_TOPIC } from '#network';
import { type Job, JobHandler, type JobProcessor } from '#queue';
import { ReconcileVpcService } from './reconcile-vpc.service.js';

/** The handler of a VPC's hints. Rests, so that a VPC under a hail of changes takes them in by the batch. */
@JobHandler(VPC_TOPIC, { concurrency: 2, rest: 2 })
@Injectable()
export class VpcReconciler implements JobProcessor {
  constructor(private readonly reconcile: ReconcileVpcService) {}

  process({ key }: Job): Promise<void> {
    return this.reconcile.execute(key);
  }
}
