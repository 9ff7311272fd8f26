/**
 * The import rules of docs/ARCHITECTURE.md. Every library is in exactly one tier; test/architecture checks that the list of tiers
 * and the folders under libs/ agree.
 */
const { PURE, ADAPTER, FEATURE } = require('./test/architecture/tiers.cjs');

/** Feature to the features it may import. Acyclic by construction. */
const FEATURE_IMPORTS = {
  ledger: [],
  tenancy: ['ledger'],
  network: ['ledger', 'tenancy'],
  provisioning: ['ledger', 'tenancy', 'network'],
  operations: [],
  migration: ['ledger', 'tenancy', 'operations'],
  webhooks: ['ledger', 'tenancy'],
};

/** An outside library and the one library of ours that may import it. */
const OWNED = {
  viem: ['chain'],
  solc: ['chain'],
  bullmq: ['queue'],
  '@nestjs/bullmq': ['queue'],
  ioredis: ['queue'],
  // BullMQ's PostgreSQL backend takes a pool of its own.
  pg: ['database', 'queue'],
  pino: ['telemetry'],
  'prom-client': ['telemetry'],
  'ip-address': ['ip'],
  'structured-headers': ['http'],
};

const libs = (names) => `^libs/(${names.join('|')})/`;
// Specs, and what only specs use.
const spec = '(\\.(spec|int-spec|e2e-spec)\\.ts$|/testing/)';

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'pure-imports-pure',
      severity: 'error',
      from: { path: libs(PURE), pathNot: spec },
      to: { path: '^(libs|apps)/', pathNot: libs(PURE) },
    },
    {
      name: 'pure-has-no-io',
      comment: 'Pure libraries do no I/O; hashing is allowed where the browser has it too or where it is handed in.',
      severity: 'error',
      from: { path: libs(PURE), pathNot: spec },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?crypto$' },
    },
    {
      name: 'browser-libraries-need-no-node',
      severity: 'error',
      from: { path: libs(['merkle', 'erasure']), pathNot: spec },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'adapter-imports-pure-and-adapter',
      severity: 'error',
      from: { path: libs(ADAPTER), pathNot: spec },
      to: { path: '^(libs|apps)/', pathNot: libs([...PURE, ...ADAPTER]) },
    },
    ...Object.entries(FEATURE_IMPORTS).map(([feature, allowed]) => ({
      name: `${feature}-imports`,
      severity: 'error',
      from: { path: libs([feature]), pathNot: spec },
      to: { path: libs(FEATURE.filter((other) => other !== feature && !allowed.includes(other))) },
    })),
    {
      name: 'libs-never-import-apps',
      severity: 'error',
      from: { path: '^libs/', pathNot: spec },
      to: { path: '^apps/' },
    },
    {
      name: 'libraries-through-their-index',
      severity: 'error',
      from: { path: '^libs/([^/]+)/', pathNot: spec },
      to: { path: '^libs/([^/]+)/src/(?!index\\.ts$)', pathNot: '^libs/$1/' },
    },
    {
      name: 'apps-use-libraries-through-their-index',
      severity: 'error',
      from: { path: '^apps/', pathNot: spec },
      to: { path: '^libs/[^/]+/src/(?!index\\.ts$)' },
    },
    {
      name: 'domain-is-framework-free',
      severity: 'error',
      from: { path: '^libs/[^/]+/src/domain/', pathNot: spec },
      to: { path: '(^|node_modules/)(@nestjs|typeorm|fastify|pg|bullmq|viem)(/|$)' },
    },
    {
      name: 'domain-knows-no-other-layer',
      severity: 'error',
      from: { path: '^libs/([^/]+)/src/domain/', pathNot: spec },
      to: { path: '^libs/$1/src/(app|infra|api)/' },
    },
    {
      name: 'typeorm-in-infra-and-database',
      severity: 'error',
      from: {
        path: '^(libs|apps)/',
        pathNot: `^libs/(database/|[^/]+/src/infra/)|${spec}|^libs/[^/]+/src/[a-z-]+\\.module\\.ts$`,
      },
      to: { path: '(^|node_modules/)typeorm(/|$)' },
    },
    ...Object.entries(OWNED).map(([library, owners]) => ({
      name: `${library.replace(/[^a-z]/g, '')}-in-${owners.join('-')}`,
      severity: 'error',
      from: { path: '^(libs|apps)/', pathNot: `${libs(owners)}|${spec}` },
      to: { path: `(^|node_modules/)${library}(/|$)`, dependencyTypesNot: ['type-only'] },
    })),
    {
      name: 'no-dev-dependencies',
      severity: 'error',
      from: { path: '^(libs|apps)/', pathNot: spec },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    { name: 'not-to-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    moduleSystems: ['es6'],
    // Some packages name nothing but what their modules are: no `default`.
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default'] },
  },
};
