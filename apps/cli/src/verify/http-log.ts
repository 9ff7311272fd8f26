import { entriesPath, FormatError, HASH_BYTES, MAX_ENTRY_BYTES, TILE_WIDTH, type Tile, tilePath } from '#merkle';
import type { LogSource } from '#proof';
import { UsageError } from '../cli-errors.js';
import { ConnectionFailed } from '../migrate/client-errors.js';

/** Where a Freehold has its log. */
const LOG_PATH = '/v1/log';
/** Of an anchor as documents carry it. */
const ANCHOR_MEMBERS = [
  'chainId',
  'contract',
  'txHash',
  'blockNumber',
  'blockHash',
  'size',
  'root',
  'finality',
  'independentTrust',
];
const TIMEOUT_MS = 30_000;
const MAX_CHECKPOINT_BYTES = 1 << 20;
const MAX_TILE_BYTES = TILE_WIDTH * HASH_BYTES;
const MAX_ENTRIES_BYTES = TILE_WIDTH * (2 + MAX_ENTRY_BYTES);
const MAX_JSON_BYTES = 16 << 20;

/** A log over HTTP (c2sp.org/tlog-tiles); beyond that, a Freehold's own tells its keys. */
export class HttpLog {
  private readonly prefix: string;

  /** @param url the log's prefix, or the address of an API, whose log is at /v1/log. @throws UsageError */
  constructor(url: string) {
    const parsed = URL.canParse(url) ? new URL(url) : null;
    if (!parsed || !/^https?:$/.test(parsed.protocol) || parsed.search !== '' || parsed.hash !== '') {
      throw new UsageError(`${url} is not the address of a log: it begins with http:// or https:// and has no query`);
    }
    const path = parsed.pathname.replace(/\/+$/, '');
    this.prefix = `${parsed.origin}${path === '' ? LOG_PATH : path}`;
  }

  /** @throws ConnectionFailed; UsageError when there is no log */
  async open(): Promise<LogSource> {
    const text = new TextDecoder();
    // Before the checkpoint, so that it is never newer than that.
    const anchor = await this.anchor();
    const checkpoint = await this.read('checkpoint', MAX_CHECKPOINT_BYTES);
    if (!checkpoint) throw new UsageError(`${this.prefix} has no checkpoint: it is no log, or an empty one`);
    const overview = await this.json('');
    const keys = await this.json('/keys');
    return {
      // The newest checkpoint may be newer than the links: those that come with it are used.
      checkpoint: typeof keys?.checkpoint === 'string' ? keys.checkpoint : text.decode(checkpoint),
      vkey: typeof overview?.vkey === 'string' ? overview.vkey : null,
      keys: keys === null ? [] : keys.links,
      anchor,
      tile: (tile) => this.tile(tile),
      entries: (index, width) => this.entries(index, width),
    };
  }

  /** The newest final anchor, with its proof where there is one. Only a Freehold tells of them, beside its log. */
  private async anchor(): Promise<LogSource['anchor']> {
    if (!this.prefix.endsWith(LOG_PATH)) return null;
    const anchors = '/../ledger/anchors';
    const page = await this.json(`${anchors}?state=final&order=newest-first&limit=1`);
    const [newest] = Array.isArray(page?.items) ? (page.items as Record<string, unknown>[]) : [];
    if (typeof newest?.id !== 'string') return null;
    const proof = await this.json(`${anchors}/${encodeURIComponent(newest.id)}/proof`);
    return { anchor: Object.fromEntries(ANCHOR_MEMBERS.map((name) => [name, newest[name]])), proof };
  }

  private async tile(tile: Tile): Promise<Uint8Array> {
    const found = await this.partialOrFull(tilePath(tile), tilePath({ ...tile, width: TILE_WIDTH }), MAX_TILE_BYTES);
    if (!found) throw new FormatError(`the log does not have the tile ${tilePath(tile)}`);
    return found;
  }

  private async entries(index: number, width: number): Promise<Uint8Array> {
    const path = entriesPath(index, width);
    const found = await this.partialOrFull(path, entriesPath(index, TILE_WIDTH), MAX_ENTRIES_BYTES);
    if (!found) throw new FormatError(`the log does not have the entries ${path}`);
    return found;
  }

  /** A log may have given up a partial tile once it has the full one. */
  private async partialOrFull(path: string, full: string, most: number): Promise<Uint8Array | null> {
    return (await this.read(path, most)) ?? (path === full ? null : this.read(full, most));
  }

  /** What only a Freehold's own log has; null where it is not there, or something else is. */
  private async json(path: string): Promise<Record<string, unknown> | null> {
    const bytes = await this.read(path, MAX_JSON_BYTES);
    if (!bytes) return null;
    try {
      const value = JSON.parse(new TextDecoder().decode(bytes)) as unknown;
      return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
    } catch {
      return null;
    }
  }

  /** Null for what is not there. @throws ConnectionFailed, FormatError when it is longer than such a thing can be */
  private async read(path: string, most: number): Promise<Uint8Array | null> {
    const url = path === '' || path.startsWith('/') ? `${this.prefix}${path}` : `${this.prefix}/${path}`;
    try {
      const reply = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
      // What is not there, and a proof that there is not yet, or not ever.
      if ([404, 409, 410].includes(reply.status)) return null;
      if (!reply.ok) throw new Error(`the log answers ${reply.status}`);
      return await bounded(reply, most, url);
    } catch (cause) {
      if (cause instanceof FormatError) throw cause;
      throw new ConnectionFailed(url, cause);
    }
  }
}

async function bounded(reply: Response, most: number, url: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (reply.body ?? []) as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > most) throw new FormatError(`${url} answers more than ${most} bytes`);
  }
  return Buffer.concat(chunks);
}
