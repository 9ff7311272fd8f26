import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Settings } from '#config';
import { DatabaseModule } from '#database';
import { KeyringModule } from '#keyring';
import { LedgerModule } from '#ledger';
import { ClockModule, type Logger, NestLogger } from '#telemetry';
import { BootstrapOperatorService, OperatorBootstrapModule, type OperatorCredentials } from '#tenancy';

@Module({})
class BootstrapModule {
  static forRoot(settings: Settings, databaseUrl: string) {
    return {
      module: BootstrapModule,
      imports: [
        DatabaseModule.forRoot({
          url: databaseUrl,
          role: 'system',
          applicationName: 'freehold-bootstrap',
          poolSize: 2,
        }),
        ClockModule.forRoot(),
        KeyringModule.forRoot(settings),
        LedgerModule.forRoot(settings),
        OperatorBootstrapModule,
      ],
    };
  }
}

/**
 * Makes the service's keys and the operator, under the system role: before the API's first start.
 * @returns the operator's credentials on the first call in a deployment's life, null ever after
 */
export async function bootstrapOperator(
  settings: Settings,
  databaseUrl: string,
  logger: Logger,
): Promise<OperatorCredentials | null> {
  const app = await NestFactory.createApplicationContext(BootstrapModule.forRoot(settings, databaseUrl), {
    logger: new NestLogger(logger),
    abortOnError: false,
  });
  try {
    return await app.get(BootstrapOperatorService).execute();
  } finally {
    await app.close();
  }
}
