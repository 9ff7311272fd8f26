import { readFileSync } from 'node:fs';
import { BREAK_GLASS_ROUTE } from '../commands/break-glass.js';
import { FOLLOW_ROUTES } from '../commands/follow.js';
import { LEDGER_FILE_ROUTES } from '../commands/ledger-files.js';
import { MIGRATE_ROUTES } from '../commands/migrate.js';
import { OPERATION_WATCH_ROUTE } from '../commands/operation-watch.js';
import { SIGNING_KEY_ROUTES } from '../commands/signing-key.js';
import { TENANT_CREATE_ROUTE } from '../commands/tenant-create.js';
import { RESOURCES } from './index.js';
import type { Field, Verb } from './resource.js';

interface Operation {
  parameters?: { name: string; in: string; required?: boolean }[];
  requestBody?: { content: Record<string, { schema: { properties?: object; required?: string[] } }> };
}

const document = JSON.parse(readFileSync(new URL('../../../../docs/openapi.json', import.meta.url), 'utf8')) as {
  paths: Record<string, Record<string, Operation>>;
};
const operations = new Map(
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
  ),
);
const verbs = RESOURCES.flatMap(({ noun, verbs }) =>
  verbs.map((verb): [string, Verb] => [`${noun} ${verb.name}`, verb]),
);
const documented = verbs.filter(([, verb]) => operations.has(`${verb.method} ${verb.path}`));
const namesOf = (fields: Field[] = [], onlyRequired = false) =>
  fields.filter(({ required }) => required || !onlyRequired).map(({ name }) => name);

describe('the commands', () => {
  it('reach every route of the API', () => {
    const reached = new Set(verbs.map(([, { method, path }]) => `${method} ${path}`));
    const apart = [
      TENANT_CREATE_ROUTE,
      BREAK_GLASS_ROUTE,
      OPERATION_WATCH_ROUTE,
      ...FOLLOW_ROUTES,
      ...LEDGER_FILE_ROUTES,
      ...SIGNING_KEY_ROUTES,
      ...MIGRATE_ROUTES,
    ];
    for (const route of apart) reached.add(route);
    expect([...operations.keys()].filter((route) => !reached.has(route))).toEqual([]);
  });

  it.each(documented)('%s sends what its route takes', (_name, verb) => {
    const { requestBody, parameters = [] } = operations.get(`${verb.method} ${verb.path}`)!;
    const { properties = {}, required = [] } = requestBody?.content['application/json']?.schema ?? {};
    expect(Object.keys(properties).sort()).toEqual(namesOf(verb.body).sort());
    expect(namesOf(verb.body, true).sort()).toEqual([...required].sort());
    const own = parameters.filter((parameter) => parameter.in === 'query' && !SHARED.has(parameter.name));
    const expected = own.map(({ name }) => name).sort();
    expect(
      namesOf(verb.query)
        .filter((name) => !SHARED.has(name))
        .sort(),
    ).toEqual(expected);
    expect(namesOf(verb.query, true)).toEqual(own.filter((parameter) => parameter.required).map(({ name }) => name));
  });

  it('are in docs/cli.md, each with its verbs', () => {
    const page = readFileSync(new URL('../../../../docs/cli.md', import.meta.url), 'utf8');
    for (const { noun, verbs } of RESOURCES) {
      const row = page.split('\n').find((line) => line.startsWith(`| \`${noun}\` |`)) ?? '';
      expect([noun, ...verbs.map(({ name }) => name).filter((name) => !row.includes(`\`${name}\``))]).toEqual([noun]);
    }
  });

  it('have names of their own', () => {
    const nouns = RESOURCES.flatMap(({ noun, aliases = [] }) => [noun, ...aliases]);
    expect(new Set(nouns).size).toBe(nouns.length);
    for (const { verbs } of RESOURCES) {
      const names = verbs.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
      expect(new Set(names).size).toBe(names.length);
    }
  });
});

/** Every list and every change has these; they are no options of one resource. */
const SHARED = new Set(['limit', 'cursor', 'dryRun', 'anchor']);
