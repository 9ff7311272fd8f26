import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './project-root.js';
import { renderEnvExample, renderSettingsPage } from './settings-table.js';

// Run as `npm run build:settings`; a test compares the committed files with what this would write.
writeFileSync(join(projectRoot(), 'docs', 'settings.md'), renderSettingsPage());
writeFileSync(join(projectRoot(), '.env.example'), renderEnvExample());
