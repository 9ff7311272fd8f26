import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { armFailpoints, failpoint } from './index.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length));
}

describe('failpoints', () => {
  it('do nothing until a test arms them', () => {
    failpoint('nobody hears it');
    const heard: string[] = [];
    armFailpoints((name) => heard.push(name));
    failpoint('here');
    expect(heard).toEqual(['here']);
  });

  it('are armed by test code alone, and each name stands in one place', () => {
    const production = [...sources('apps'), ...sources('libs')].filter(
      (file) => !/\/testing\/|\.(spec|int-spec|e2e-spec)\.ts$/.test(file),
    );
    const names: string[] = [];
    for (const file of production) {
      const source = readFileSync(join(ROOT, file), 'utf8');
      if (file !== 'libs/kernel/src/failpoint.ts')
        expect([file, source.includes('armFailpoints')]).toEqual([file, false]);
      expect([file, /from '[^']*\/testing\//.test(source)]).toEqual([file, false]);
      names.push(...[...source.matchAll(/failpoint\('([^']+)'\)/g)].map(([, name]) => name!));
    }
    expect(names.length).toBeGreaterThan(15);
    expect(names).toEqual([...new Set(names)]);
  });
});
