import 'reflect-metadata';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadSettings } from '#config';
import { projectRoot } from '#database';
import { createLogger } from '#telemetry';
import { apiDescription } from './api-description.js';
import { ApiModule } from './app.module.js';

/** Writes docs/openapi.json, which a test compares with the code. Nothing is started and no database is asked. */
const module = ApiModule.forRoot(
  loadSettings({}),
  'postgres://nowhere',
  createLogger({ process: 'openapi', level: 'silent' }),
);
writeFileSync(join(projectRoot(), 'docs/openapi.json'), `${JSON.stringify(apiDescription(module), null, 2)}\n`);
