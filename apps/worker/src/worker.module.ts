import { type DynamicModule, Module } from '@nestjs/common';
import type { Settings } from '#config';
import { DatabaseModule } from '#database';
import { EgressModule } from '#egress';
import { KeyringModule } from '#keyring';
import { AnchoringModule, LedgerModule, SequencerModule } from '#ledger';
import { MigrationWorkerModule, PLACEMENT_TOPIC, REMOVAL_TOPIC, VERIFICATION_TOPIC } from '#migration';
import { VPC_TOPIC } from '#network';
import { ProvisioningWorkerModule } from '#provisioning';
import { ForgetReplies, QueueModule } from '#queue';
import { ClockModule, type Logger, TelemetryModule } from '#telemetry';
import { WEBHOOK_TOPIC, WebhooksWorkerModule } from '#webhooks';

/** What a worker cannot do without. */
export interface WorkerServices {
  /** The system role's login. */
  databaseUrl: string;
  chainUrl: string;
}

/**
 * The worker process: relay and jobs, reconcilers, sequencer and anchorer, under the system role. Any number may run on one
 * database: what only one may do at a time, the database lets one do.
 */
@Module({})
export class WorkerModule {
  static forRoot(settings: Settings, { databaseUrl, chainUrl }: WorkerServices, logger: Logger): DynamicModule {
    return {
      module: WorkerModule,
      imports: [
        DatabaseModule.forRoot({
          url: databaseUrl,
          role: 'system',
          applicationName: 'freehold-worker',
          poolSize: settings.databasePoolSize,
        }),
        ClockModule.forRoot(),
        TelemetryModule.forRoot(logger),
        KeyringModule.forRoot(settings),
        LedgerModule.forRoot(settings),
        AnchoringModule.forRoot({ ...settings, chainUrl }),
        SequencerModule.forRoot(settings),
        ProvisioningWorkerModule.forRoot(),
        MigrationWorkerModule.forRoot(settings),
        EgressModule.forRoot(settings),
        WebhooksWorkerModule.forRoot(settings),
        QueueModule.forRoot({
          databaseUrl,
          redisUrl: settings.redisUrl,
          topics: [VPC_TOPIC, PLACEMENT_TOPIC, VERIFICATION_TOPIC, REMOVAL_TOPIC, WEBHOOK_TOPIC],
        }),
      ],
      providers: [ForgetReplies],
    };
  }
}
