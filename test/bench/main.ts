import { cpus } from 'node:os';

/** Figures by name: numbers, and words where a figure needs one. */
type Figures = Record<string, number | string>;

/** Each benchmark brings up what it needs, measures, cleans up and gives its figures. */
const BENCHES: Record<string, () => Promise<{ run(): Promise<object> }>> = {
  changes: () => import('./changes.bench.js'),
  erasure: () => import('./erasure.bench.js'),
  ledger: () => import('./ledger.bench.js'),
  migration: () => import('./migration.bench.js'),
};

/** Parts of a benchmark that can be run alone, by name only. */
const PARTS: typeof BENCHES = {
  bundle: () => import('./bundle.bench.js'),
  anchoring: () => import('./anchoring.bench.js'),
  integration: () => import('./integration.bench.js'),
  'signed-changes': () => import('./signed-changes.bench.js'),
  witness: () => import('./witness.bench.js'),
};

const args = process.argv.slice(2);
const json = args.includes('--json');
const wanted = args.filter((arg) => !arg.startsWith('--'));
const known = { ...BENCHES, ...PARTS };
const unknown = wanted.filter((name) => !Object.hasOwn(known, name));
if (unknown.length > 0) {
  process.stderr.write(`no benchmark ${unknown.join(', ')}; there are ${Object.keys(known).join(', ')}\n`);
  process.exit(2);
}

const all: Figures = {};
process.stderr.write(`${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}\n`);
for (const [name, load] of Object.entries(wanted.length > 0 ? known : BENCHES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  process.stderr.write(`\n${name}\n`);
  const figures = (await (await load()).run()) as Figures;
  for (const [figure, value] of Object.entries(figures))
    process.stderr.write(`  ${figure.padEnd(34)} ${readable(value)}\n`);
  Object.assign(all, figures);
}
if (json) process.stdout.write(`${JSON.stringify(all)}\n`);

function readable(value: number | string): string {
  if (typeof value === 'string') return value;
  return value.toLocaleString('en', { maximumFractionDigits: value < 100 ? 2 : 0 });
}
