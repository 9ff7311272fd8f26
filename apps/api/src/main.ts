import 'reflect-metadata';
import { loadSettings } from '#config';
import { createLogger } from '#telemetry';
import { createApi } from './create-api.js';

const settings = loadSettings();
const logger = createLogger({ process: 'api', level: settings.logLevel });
if (!settings.databaseApiUrl) {
  logger.fatal(
    'DATABASE_API_URL is not set: start the whole stack with "npm start", or give the login of freehold_api',
  );
  process.exit(1);
}
try {
  const app = await createApi(settings, settings.databaseApiUrl, logger);
  await app.listen(settings.apiPort, settings.apiHost);
  logger.info({ url: await app.getUrl() }, 'the API is listening');
} catch (error) {
  logger.fatal({ err: error }, 'the API could not start');
  process.exit(1);
}
