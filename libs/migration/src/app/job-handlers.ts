import { Injectable } from '@nestjs/common';
import { type Job, JobHandler, type JobProcessor } from '#queue';
import { PlaceSegmentService } from './place-segment.service.js';
import { RemoveDatasetService } from './remove-dataset.service.js';
import { PLACEMENT_TOPIC, REMOVAL_TOPIC, VERIFICATION_TOPIC } from './topics.js';
import { VerifyMigrationService } from './verify-migration.service.js';

/** One segment is coded while others wait for their nodes' disks; each holds some 30 MB. */
@Injectable()
@JobHandler(PLACEMENT_TOPIC, { concurrency: 3 })
export class PlacementHandler implements JobProcessor {
  constructor(private readonly service: PlaceSegmentService) {}

  process(job: Job): Promise<void> {
    return this.service.execute(job.key);
  }
}

@Injectable()
@JobHandler(VERIFICATION_TOPIC, { concurrency: 2 })
export class VerificationHandler implements JobProcessor {
  constructor(private readonly service: VerifyMigrationService) {}

  process(job: Job): Promise<void> {
    return this.service.execute(job.key);
  }
}

@Injectable()
@JobHandler(REMOVAL_TOPIC, { concurrency: 1 })
export class RemovalHandler implements JobProcessor {
  constructor(private readonly service: RemoveDatasetService) {}

  process(job: Job): Promise<void> {
    return this.service.execute(job.key);
  }
}
