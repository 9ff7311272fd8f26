import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { loadSettings, type Settings } from '#config';
import { DatabaseModule } from '#database';
import { KeyringModule } from '#keyring';
import { LedgerModule } from '#ledger';
import { ClockModule, createLogger, NestLogger } from '#telemetry';
import { BootstrapOperatorService, OperatorBootstrapModule } from '#tenancy';

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
 * Run before the API's first start, under the system role: makes the service's keys and the operator. Prints one line of
 * JSON, {"operatorApiKey": "fh_..."} on the first run and {"operatorApiKey": null} ever after.
 */
const settings = loadSettings();
const logger = createLogger({ process: 'bootstrap', level: 'warn' });
if (!settings.databaseSystemUrl) {
  logger.fatal(
    'DATABASE_SYSTEM_URL is not set: start the whole stack with "npm start", or give the login of freehold_system',
  );
  process.exit(1);
}
const app = await NestFactory.createApplicationContext(BootstrapModule.forRoot(settings, settings.databaseSystemUrl), {
  logger: new NestLogger(logger),
});
const operatorApiKey = await app.get(BootstrapOperatorService).execute();
await app.close();
process.stdout.write(`${JSON.stringify({ operatorApiKey })}\n`);
