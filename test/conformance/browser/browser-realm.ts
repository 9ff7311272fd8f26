import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** What a browser has beside the language itself, and this code uses. No Buffer, no process, no require. */
const BROWSER_GLOBALS = {
  TextEncoder,
  TextDecoder,
  URL,
  URLSearchParams,
  crypto: { getRandomValues: crypto.getRandomValues.bind(crypto) },
};

/**
 * A realm of its own that has what browsers have and nothing of Node, into which ES modules are loaded: this repository's from
 * their sources, packages in the files that they mean for browsers. A module that imports anything of Node does not load.
 */
export class BrowserRealm {
  readonly context = vm.createContext({ ...BROWSER_GLOBALS }, { codeGeneration: { strings: false, wasm: false } });
  private readonly modules = new Map<string, vm.Module>();
  /** Files that were loaded, for whoever wants to know what a browser gets. */
  readonly files: string[] = [];

  /** The namespace of a module of this repository, by its path from the root. */
  async load<T>(path: string): Promise<T> {
    const module = this.moduleOf(join(ROOT, path));
    // What another module imports has been loaded with it.
    if (module.status === 'unlinked') {
      await module.link(async (specifier, from) => this.moduleOf(resolveIn(from.identifier, specifier)));
    }
    await module.evaluate();
    return module.namespace as T;
  }

  /**
   * A page for a real browser: the modules that were loaded, each from a URL of its own, and a script that finds the one of
   * that path as `merkle` and some data as `vectors`.
   */
  page(path: string, script: string, vectors: unknown): string {
    const entry = join(ROOT, path);
    const sources = this.files.map((file) => [file, transpiled(file, readFileSync(file, 'utf8'))]);
    const imports = this.files.map((file) => [
      file,
      importsOf(readFileSync(file, 'utf8')).map((one) => [one, resolveIn(file, one)]),
    ]);
    const data = JSON.stringify({ sources, imports, entry, vectors }).replaceAll('<', '\\u003c');
    return `<!doctype html><body></body><script type="module">
const { sources, imports, entry, vectors } = ${data};
const urls = new Map();
const text = new Map(sources);
const needs = new Map(imports);
function urlOf(file) {
  if (urls.has(file)) return urls.get(file);
  let source = text.get(file);
  for (const [specifier, target] of needs.get(file)) source = source.replaceAll("'" + specifier + "'", "'" + urlOf(target) + "'");
  const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  urls.set(file, url);
  return url;
}
const merkle = await import(urlOf(entry));
${script}</script>`;
  }

  private moduleOf(file: string): vm.Module {
    const known = this.modules.get(file);
    if (known) return known;
    this.files.push(file);
    const source = readFileSync(file, 'utf8');
    const module = isCommonJs(file) ? this.commonJs(file) : this.esModule(file, source);
    this.modules.set(file, module);
    return module;
  }

  private esModule(identifier: string, source: string): vm.Module {
    return new vm.SourceTextModule(transpiled(identifier, source), { context: this.context, identifier });
  }

  /** As bundlers do it: the file as a function of its own `module`. */
  private commonJs(file: string): vm.Module {
    const { context } = this;
    const exported = this.required(file);
    return new vm.SyntheticModule(
      ['default'],
      function evaluate() {
        this.setExport('default', exported);
      },
      { context, identifier: file },
    );
  }

  private readonly cache = new Map<string, { exports: unknown }>();

  private required(file: string): unknown {
    const known = this.cache.get(file);
    if (known) return known.exports;
    const module = { exports: vm.runInContext('({})', this.context) as unknown };
    this.cache.set(file, module);
    const source = readFileSync(file, 'utf8');
    const run = vm.compileFunction(source, ['module', 'exports', 'require'], {
      parsingContext: this.context,
      filename: file,
    });
    run(module, module.exports, (specifier: string) => this.required(resolveIn(file, specifier)));
    return module.exports;
  }
}

function transpiled(file: string, source: string): string {
  if (!file.endsWith('.ts')) return source;
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023, isolatedModules: true };
  return ts.transpileModule(source, { compilerOptions }).outputText;
}

function importsOf(source: string): string[] {
  return ts.preProcessFile(source).importedFiles.map(({ fileName }) => fileName);
}

/** @throws Error for modules of Node: a browser has none */
function resolveIn(from: string, specifier: string): string {
  if (specifier.startsWith('#')) return join(ROOT, 'libs', specifier.slice(1), 'src/index.ts');
  if (specifier.startsWith('.')) {
    return fileAt(resolve(dirname(from), specifier)) ?? missing(from, specifier);
  }
  const [, name, rest] = /^((?:@[^/]+\/)?[^/]+)(\/.*)?$/.exec(specifier) ?? [];
  for (let folder = dirname(from); ; folder = dirname(folder)) {
    const place = join(folder, 'node_modules', name!);
    if (existsSync(join(place, 'package.json'))) return inPackage(place, `.${rest ?? ''}`) ?? missing(from, specifier);
    if (folder === dirname(folder)) return missing(from, specifier);
  }
}

function fileAt(path: string): string | null {
  const candidates = [path, path.replace(/\.js$/, '.ts'), `${path}.js`];
  return candidates.find((one) => statSync(one, { throwIfNoEntry: false })?.isFile()) ?? null;
}

type Exports = string | { [condition: string]: Exports } | Exports[];

function inPackage(place: string, subpath: string): string | null {
  const { exports, browser, module, main } = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8'));
  if (!exports) return fileAt(join(place, (typeof browser === 'string' ? browser : null) ?? module ?? main ?? 'index'));
  const target = conditioned(typeof exports === 'object' && '.' in exports ? exports[subpath] : exports);
  return target === null ? null : join(place, target);
}

const CONDITIONS = ['browser', 'import', 'default'];

function conditioned(target: Exports | undefined): string | null {
  if (typeof target === 'string') return target;
  if (typeof target !== 'object') return null;
  if (Array.isArray(target)) return conditioned(target[0]);
  for (const condition of Object.keys(target)) {
    const found = CONDITIONS.includes(condition) ? conditioned(target[condition]) : null;
    if (found) return found;
  }
  return null;
}

function isCommonJs(file: string): boolean {
  if (/\.(ts|mjs)$/.test(file)) return false;
  if (file.endsWith('.cjs')) return true;
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    const description = join(folder, 'package.json');
    if (!existsSync(description)) continue;
    const { type, module } = JSON.parse(readFileSync(description, 'utf8'));
    return type !== 'module' && !(module && file === join(folder, module));
  }
  return true;
}

function missing(from: string, specifier: string): never {
  throw new Error(`a browser has no ${specifier}, which ${from.slice(ROOT.length)} imports`);
}
