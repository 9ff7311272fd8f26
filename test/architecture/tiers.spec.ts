import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const root = new URL('../../', import.meta.url);
const tiers = createRequire(import.meta.url)('./tiers.cjs') as Record<string, string[]>;

describe('the layout', () => {
  const libraries = readdirSync(new URL('libs/', root));

  it('has every library in exactly one tier', () => {
    expect(Object.values(tiers).flat().sort()).toEqual(libraries.sort());
  });

  it('gives every library one entrance, under one name', () => {
    const { imports } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
      imports: Record<string, string>;
    };
    expect(Object.keys(imports).sort()).toEqual(libraries.map((name) => `#${name}`).sort());
    for (const name of libraries) expect(existsSync(new URL(`libs/${name}/src/index.ts`, root))).toBe(true);
  });
});
