import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { originHash } from './origin-hash.js';

/** How a promise begins; the next line is the log's origin. */
const PROMISE = /^freehold promise v[12]\n/;

/** A promise as it was kept: where it came from, and when. */
export interface KeptPromise {
  /** The signed note. */
  promise: string;
  /** Of the API that gave it; null when somebody else kept it. */
  url: string | null;
  /** The API key that it was given to, by its id; null when that is not known. */
  apiKeyId: string | null;
  keptAt: string;
}

/** Where a reply came from, and to whom. */
export type PromiseSource = Pick<KeptPromise, 'url' | 'apiKeyId'>;

/** What carries promises in a reply to a change. */
interface Promising {
  promise?: unknown;
  ledgerEntries?: unknown;
  ownerApiKeyId?: unknown;
}

const MAX_PROMISE_CHARACTERS = 4096;

/**
 * The promises that this machine was given, one line of JSON each, in a file for each log that is only ever added to. They are
 * no secret, but tell what was changed when: the folder is readable by its owner only.
 */
export class PromiseStore {
  constructor(private readonly folder: string) {}

  /** Keeps the promises of a reply to a change; a reply that has none leaves no trace. */
  keep(reply: unknown, { url, apiKeyId }: PromiseSource, now = new Date()): void {
    const { promise: first, ledgerEntries, ownerApiKeyId } = (reply ?? {}) as Promising;
    const further = (Array.isArray(ledgerEntries) ? ledgerEntries : [])
      .map((entry: Promising | null) => entry?.promise)
      .filter((promise) => promise !== first);
    // The first entries of a new tenant are in its own chain, which its owner reads and whoever made it does not.
    const reader = typeof ownerApiKeyId === 'string' ? ownerApiKeyId : apiKeyId;
    this.append(first, { url, apiKeyId, keptAt: now.toISOString() });
    for (const promise of further) this.append(promise, { url, apiKeyId: reader, keptAt: now.toISOString() });
  }

  private append(promise: unknown, rest: Omit<KeptPromise, 'promise'>): void {
    if (typeof promise !== 'string' || promise.length > MAX_PROMISE_CHARACTERS) return;
    const origin = promise.split('\n')[1];
    if (!PROMISE.test(promise) || !origin) return;
    const path = this.pathOf(origin);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const kept: KeptPromise = { promise, ...rest };
    appendFileSync(path, `${JSON.stringify(kept)}\n`, { mode: 0o600 });
  }

  /** What was kept of this log, each promise once. A line that was cut off is left out. */
  of(origin: string): KeptPromise[] {
    return distinct(linesOf(this.pathOf(origin)).flatMap(keptPromise));
  }

  pathOf(origin: string): string {
    return join(this.folder, `${originHash(origin)}.jsonl`);
  }
}

/** Promises of a file: as the store writes them, replies of the API, or notes alone, one line of JSON each. */
export function promisesOfFile(path: string): KeptPromise[] {
  const text = readFileSync(path, 'utf8');
  if (PROMISE.test(text)) return [{ promise: text, url: null, apiKeyId: null, keptAt: new Date(0).toISOString() }];
  const whole = parsed(text);
  const values = whole === null ? text.split('\n').map(parsed) : [whole].flat();
  return distinct(values.flatMap(keptPromise));
}

function linesOf(path: string): unknown[] {
  try {
    return readFileSync(path, 'utf8').split('\n').map(parsed);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function keptPromise(value: unknown): KeptPromise[] {
  const { promise, url, apiKeyId, keptAt } = (value ?? {}) as Partial<KeptPromise>;
  if (typeof promise !== 'string') return [];
  return [
    {
      promise,
      url: typeof url === 'string' ? url : null,
      apiKeyId: typeof apiKeyId === 'string' ? apiKeyId : null,
      keptAt: typeof keptAt === 'string' ? keptAt : new Date(0).toISOString(),
    },
  ];
}

function distinct(all: readonly KeptPromise[]): KeptPromise[] {
  return [...new Map(all.map((kept) => [kept.promise, kept])).values()];
}
