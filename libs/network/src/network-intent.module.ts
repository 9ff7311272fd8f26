import { Module } from '@nestjs/common';
import { VpcIntentQuery } from './app/vpc-intent.query.js';
import { VpcRealization } from './app/vpc-realization.js';
import { VpcContentsPurge } from './infra/vpc-contents-purge.js';
import { VpcRealizationRepository } from './infra/vpc-realization.repository.js';
import { VpcSnapshotRepository } from './infra/vpc-snapshot.repository.js';

/** What workers need of the network: the intent to reconcile towards, and where to say how far they came. */
@Module({
  providers: [VpcSnapshotRepository, VpcRealizationRepository, VpcContentsPurge, VpcIntentQuery, VpcRealization],
  exports: [VpcIntentQuery, VpcRealization],
})
export class NetworkIntentModule {}
