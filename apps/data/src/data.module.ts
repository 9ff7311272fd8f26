import { type DynamicModule, Module } from '@nestjs/common';
import type { Settings } from '#config';
import { DatabaseModule } from '#database';
import { HttpModule } from '#http';
import { KeyringModule } from '#keyring';
import { MigrationDataModule } from '#migration';
import { ClockModule, type Logger, TelemetryModule } from '#telemetry';

/** The data process: ciphertext in and out with tickets, under the system role. No tenant plaintext, no API duties. */
@Module({})
export class DataModule {
  static forRoot(settings: Settings, databaseUrl: string, logger: Logger): DynamicModule {
    return {
      module: DataModule,
      imports: [
        DatabaseModule.forRoot({
          url: databaseUrl,
          role: 'system',
          applicationName: 'freehold-data',
          poolSize: settings.databasePoolSize,
        }),
        ClockModule.forRoot(),
        TelemetryModule.forRoot(logger),
        KeyringModule.forRoot(settings),
        HttpModule.forRoot(settings),
        MigrationDataModule.forRoot(settings),
      ],
    };
  }
}
