import 'reflect-metadata';
import { loadSettings } from '#config';
import { createLogger } from '#telemetry';
import { bootstrapOperator } from './bootstrap-operator.js';

/**
 * Prints one line of JSON: {"operatorApiKey": "fh_...", "operatorViewKey": "..."} on the first run of a deployment, both
 * null ever after.
 */
const settings = loadSettings();
const logger = createLogger({ process: 'bootstrap', level: 'warn' });
if (!settings.databaseSystemUrl) {
  logger.fatal(
    'DATABASE_SYSTEM_URL is not set: start the whole stack with "npm start", or give the login of freehold_system',
  );
  process.exit(1);
}
try {
  const credentials = await bootstrapOperator(settings, settings.databaseSystemUrl, logger);
  const { apiKey = null, viewKey = null } = credentials ?? {};
  process.stdout.write(`${JSON.stringify({ operatorApiKey: apiKey, operatorViewKey: viewKey })}\n`);
} catch (error) {
  logger.fatal({ err: error }, 'the operator could not be set up');
  process.exit(1);
}
