import 'reflect-metadata';
import { loadSettings } from '#config';
import { createLogger } from '#telemetry';
import { createWorker } from './create-worker.js';

const settings = loadSettings();
const logger = createLogger({ process: 'worker', level: settings.logLevel });
const { databaseSystemUrl, chainUrl } = settings;
if (!databaseSystemUrl || !chainUrl) {
  const missing = databaseSystemUrl ? 'CHAIN_URL' : 'DATABASE_SYSTEM_URL';
  logger.fatal(`${missing} is not set: start the whole stack with "npm start", or set it for this process`);
  process.exit(1);
}
try {
  const app = await createWorker(settings, { databaseUrl: databaseSystemUrl, chainUrl }, logger);
  await app.listen(settings.workerPort, settings.workerHost);
  logger.info({ url: await app.getUrl() }, 'the worker is at work');
} catch (error) {
  logger.fatal({ err: error }, 'the worker could not start');
  process.exit(1);
}
