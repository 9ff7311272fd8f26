import { type DynamicModule, Module } from '@nestjs/common';
import type { Settings } from '#config';
import { DatabaseModule } from '#database';
import { EgressModule } from '#egress';
import { HttpModule } from '#http';
import { KeyringModule } from '#keyring';
import { LedgerApiModule, LedgerModule } from '#ledger';
import { MigrationApiModule } from '#migration';
import { NetworkApiModule } from '#network';
import { OperationsApiModule } from '#operations';
import { ProvisioningApiModule } from '#provisioning';
import { ClockModule, type Logger, TelemetryModule } from '#telemetry';
import { TenancyApiModule } from '#tenancy';
import { WebhooksApiModule } from '#webhooks';

/** The API process: every feature's controllers, under the api role. */
@Module({})
export class ApiModule {
  static forRoot(settings: Settings, databaseUrl: string, logger: Logger): DynamicModule {
    return {
      module: ApiModule,
      imports: [
        DatabaseModule.forRoot({
          url: databaseUrl,
          role: 'api',
          applicationName: 'freehold-api',
          poolSize: settings.databasePoolSize,
        }),
        ClockModule.forRoot(),
        TelemetryModule.forRoot(logger),
        KeyringModule.forRoot(settings),
        LedgerModule.forRoot(settings),
        EgressModule.forRoot(settings),
        HttpModule.forRoot(settings),
        TenancyApiModule,
        NetworkApiModule.forRoot(settings),
        MigrationApiModule.forRoot(settings),
        OperationsApiModule,
        LedgerApiModule.forRoot(settings),
        ProvisioningApiModule,
        WebhooksApiModule,
      ],
    };
  }
}
