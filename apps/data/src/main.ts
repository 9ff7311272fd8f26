import 'reflect-metadata';
import { loadSettings } from '#config';
import { createLogger } from '#telemetry';
import { createData } from './create-data.js';

const settings = loadSettings();
const logger = createLogger({ process: 'data', level: settings.logLevel });
if (!settings.databaseSystemUrl) {
  logger.fatal(
    'DATABASE_SYSTEM_URL is not set: start the whole stack with "npm start", or give the login of freehold_system',
  );
  process.exit(1);
}
try {
  const app = await createData(settings, settings.databaseSystemUrl, logger);
  await app.listen(settings.dataPort, settings.dataHost);
  logger.info({ url: await app.getUrl() }, 'the data process is listening');
} catch (error) {
  logger.fatal({ err: error }, 'the data process could not start');
  process.exit(1);
}
