import { FormatError, type Tile, TileTree, TreeHasher, tilePath } from '#merkle';
import { type LogKeyLink, nodeCrypto, parseLogKeys } from '#proof';
import type { ApiClient } from '../connection/api-client.js';
import { apiKeyIdOf } from '../connection/signing-key-files.js';
import { RemoteProblem } from '../migrate/client-errors.js';

const MAX_TILES_KEPT = 512;

/** The open log as anybody can read it. Nothing that it gives is believed here. @throws RemoteProblem, ConnectionFailed */
export class LogSource {
  private readonly hasher = new TreeHasher(nodeCrypto.sha256);
  private readonly tiles = new Map<string, Uint8Array>();

  constructor(
    private readonly open: ApiClient,
    /** With a credential, for what belongs to a tenant; null without one. */
    private readonly own: ApiClient | null,
  ) {}

  /** The id of the API key that receipts are asked for with; null without one. */
  get apiKeyId(): string | null {
    return apiKeyIdOf(this.own?.connection.apiKey ?? '');
  }

  /** @throws FormatError */
  async overview(): Promise<{ origin: string; vkey: string }> {
    const log = await this.open.json<{ origin?: unknown; vkey?: unknown } | null>({ method: 'GET', path: '/v1/log' });
    if (typeof log?.origin !== 'string' || typeof log.vkey !== 'string') {
      throw new FormatError('the API does not say which log it has');
    }
    return { origin: log.origin, vkey: log.vkey };
  }

  /** The newest signed checkpoint; null before the first. */
  checkpoint(): Promise<string | null> {
    return this.text('/v1/log/checkpoint', 'LogEmpty');
  }

  /** The newest one that enough witnesses cosigned, as the log sees it; null while there is none. */
  witnessedCheckpoint(): Promise<string | null> {
    return this.text('/v1/log/checkpoint/witnessed', 'NotWitnessed');
  }

  /** The log's later keys, and the signed checkpoint that they lead into. @throws FormatError */
  async keys(): Promise<{ links: LogKeyLink[]; checkpoint: string | null }> {
    const keys = await this.open.json<{ links?: unknown; checkpoint?: unknown } | null>({
      method: 'GET',
      path: '/v1/log/keys',
    });
    const { checkpoint } = keys ?? {};
    return { links: parseLogKeys(keys?.links), checkpoint: typeof checkpoint === 'string' ? checkpoint : null };
  }

  /** The tree of that size, read from tiles. Whether they are the log's shows when its root is computed. */
  tree(size: number): TileTree {
    return new TileTree(this.hasher, size, (tile) => this.tile(tile));
  }

  /** Forgets what was read, so that a log that changed its answer is heard. */
  forget(): void {
    this.tiles.clear();
  }

  /** The receipt's text; null while there is none. */
  async receipt(entryId: string): Promise<string | null> {
    if (!this.own) return null;
    try {
      return await this.own.text({ method: 'GET', path: `/v1/ledger/entries/${entryId}/receipt` });
    } catch (error) {
      if (error instanceof RemoteProblem && (error.status === 404 || error.status === 409)) return null;
      throw error;
    }
  }

  /** The receipt of the entry that says that this one was erased, as the log has it; null where none does. */
  async erasure(entryId: string): Promise<string | null> {
    if (!this.own) return null;
    try {
      const entry = await this.own.json<{ erasedBy?: unknown } | null>({
        method: 'GET',
        path: `/v1/ledger/entries/${entryId}`,
      });
      return typeof entry?.erasedBy === 'string' ? await this.receipt(entry.erasedBy) : null;
    } catch (error) {
      if (error instanceof RemoteProblem && error.status === 404) return null;
      throw error;
    }
  }

  /** The tenant's bundle as it arrives; null without a credential. */
  async bundle(): Promise<AsyncIterable<Uint8Array> | null> {
    return this.own?.stream({ method: 'GET', path: '/v1/ledger/bundle' }) ?? null;
  }

  private async tile(tile: Tile): Promise<Uint8Array> {
    const path = tilePath(tile);
    const known = this.tiles.get(path);
    if (known) return known;
    const bytes = new Uint8Array(await this.open.bytes({ method: 'GET', path: `/v1/log/${path}` }));
    if (this.tiles.size >= MAX_TILES_KEPT) this.tiles.clear();
    this.tiles.set(path, bytes);
    return bytes;
  }

  private async text(path: string, absent: string): Promise<string | null> {
    try {
      return await this.open.text({ method: 'GET', path });
    } catch (error) {
      if (error instanceof RemoteProblem && error.code === absent) return null;
      throw error;
    }
  }
}
