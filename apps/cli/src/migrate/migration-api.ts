/** The API's side of moving data, as the client calls it. Every call may be repeated: each is idempotent by its nature or by its key. */
import { randomUUID } from 'node:crypto';
import type { KeyDocument, SegmentRecord, SignedManifest } from '#dataset';
import type { DatasetId, MigrationId, SegmentId } from '#kernel';
import type { RequestSigningKey } from '../connection/sign-request.js';
import { ConnectionFailed, RemoteProblem } from './client-errors.js';
import { type Patience, retrying } from './retrying.js';

export interface DatasetReply {
  id: DatasetId;
  name: string;
  state: 'empty' | 'filled' | 'deleting';
  dataShards: number;
  parityShards: number;
  manifestVersion: number | null;
  key: KeyDocument | null;
}

export interface MigrationReply {
  id: MigrationId;
  datasetId: DatasetId;
  state: string;
  reason: string | null;
  manifestVersion: number | null;
}

export interface MigrationProgressReply extends MigrationReply {
  segments: { registered: number; staged: number; placed: number; bytes: number; placedBytes: number; missing: number };
  waiting: string[];
}

export interface SegmentStanding {
  id: SegmentId;
  ordinal: number;
  state: 'registered' | 'staged' | 'placed';
  reason: string | null;
  upload: { url: string; ticket: string } | null;
}

export interface ManifestReply {
  manifestVersion: number;
  statement: string;
  signature: string;
  contentRoot: string;
  ledgerEntryId: string;
}

export interface RestoreTicketReply {
  url: string;
  ticket: string;
  expiresAt: string;
}

interface PageReply<T> {
  items: T[];
  nextCursor: string | null;
}

export interface ApiAccess {
  /** Without a slash at its end. */
  url: string;
  apiKey: string;
  /** Signs every change that is recorded. */
  signingKey?: RequestSigningKey | null;
  /** How long to go on when the API is away. */
  patience: Patience;
  /** Is told of every reply to a change: it may carry a promise. */
  changed?: (reply: unknown) => void;
}

const REQUEST_TIMEOUT_MS = 60_000;

export class MigrationApi {
  constructor(private readonly access: ApiAccess) {}

  async ownTenant(): Promise<{ id: string }> {
    return this.call('GET', '/v1/tenant');
  }

  async findDataset(name: string): Promise<DatasetReply | null> {
    const page = await this.call<PageReply<DatasetReply>>('GET', `/v1/datasets?name=${encodeURIComponent(name)}`);
    return page.items[0] ?? null;
  }

  dataset(id: DatasetId): Promise<DatasetReply> {
    return this.call('GET', `/v1/datasets/${id}`);
  }

  createDataset(name: string): Promise<DatasetReply> {
    return this.call('POST', '/v1/datasets', { name });
  }

  setDatasetKey(id: DatasetId, document: KeyDocument): Promise<DatasetReply> {
    return this.call('PUT', `/v1/datasets/${id}/key`, document);
  }

  /** All migrations of a dataset, the oldest first. */
  async *migrationsOf(datasetId: DatasetId): AsyncIterable<MigrationReply> {
    yield* this.pages<MigrationReply>(`/v1/migrations?datasetId=${datasetId}`);
  }

  createMigration(datasetId: DatasetId, source: string): Promise<MigrationReply> {
    return this.call('POST', '/v1/migrations', { datasetId, source });
  }

  migration(id: MigrationId): Promise<MigrationProgressReply> {
    return this.call('GET', `/v1/migrations/${id}`);
  }

  changeMigration(id: MigrationId, verb: 'start' | 'resume'): Promise<MigrationReply> {
    return this.call('POST', `/v1/migrations/${id}/${verb}`);
  }

  /**
   * Announces segments; naturally idempotent, and its reply holds tickets, which no stored reply has: no key is kept for its
   * attempts.
   */
  async registerSegments(
    id: MigrationId,
    segments: readonly SegmentRecord[],
    scanned?: { files: number; bytes: number },
  ): Promise<SegmentStanding[]> {
    const path = `/v1/migrations/${id}/segments`;
    const reply = await this.attempt<{ segments: SegmentStanding[] }>('POST', path, { segments, scanned }, null);
    return reply.segments;
  }

  submitManifest(id: MigrationId, { statement, signature }: SignedManifest): Promise<MigrationReply> {
    return this.call('PUT', `/v1/migrations/${id}/manifest`, {
      statement: Buffer.from(statement).toString('base64'),
      signature: Buffer.from(signature).toString('hex'),
    });
  }

  manifest(id: DatasetId, version: number): Promise<ManifestReply> {
    return this.call('GET', `/v1/datasets/${id}/manifests/${version}`);
  }

  /** The segment records of a version, by ascending ordinal. */
  async *manifestSegments(id: DatasetId, version: number): AsyncIterable<{ ordinal: number; record: SegmentRecord }> {
    yield* this.pages(`/v1/datasets/${id}/manifests/${version}/segments?limit=1000`);
  }

  restoreTicket(id: DatasetId): Promise<RestoreTicketReply> {
    return this.call('POST', `/v1/datasets/${id}/restore-ticket`);
  }

  private async *pages<T>(path: string): AsyncIterable<T> {
    for (let cursor: string | null = null; ; ) {
      const at: string =
        cursor === null ? path : `${path}${path.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(cursor)}`;
      const page = await this.call<PageReply<T>>('GET', at);
      yield* page.items;
      if (page.nextCursor === null) return;
      cursor = page.nextCursor;
    }
  }

  /** A change gets one key for all its attempts, so that a lost reply does not make it happen twice. */
  private call<T>(method: string, path: string, body?: unknown): Promise<T> {
    return this.attempt(method, path, body, method === 'GET' ? null : randomUUID());
  }

  private attempt<T>(method: string, path: string, body: unknown, idempotencyKey: string | null): Promise<T> {
    return retrying(this.access.patience, () => this.send<T>(method, path, body, idempotencyKey));
  }

  private async send<T>(method: string, path: string, body: unknown, idempotencyKey: string | null): Promise<T> {
    const url = this.access.url + path;
    const content = body === undefined ? undefined : JSON.stringify(body);
    let reply: Response;
    let text: string;
    try {
      reply = await fetch(url, {
        method,
        headers: await this.headers(method, url, content, idempotencyKey),
        body: content,
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
      text = await reply.text();
    } catch (cause) {
      throw new ConnectionFailed(url, cause);
    }
    const json = parseJson(text);
    if (reply.ok) {
      if (idempotencyKey !== null) this.access.changed?.(json);
      return json as T;
    }
    throw problemFrom(reply.status, json);
  }

  private async headers(method: string, url: string, body: string | undefined, idempotencyKey: string | null) {
    const headers: Record<string, string> = {
      authorization: `Bearer ${this.access.apiKey}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(idempotencyKey === null ? {} : { 'idempotency-key': idempotencyKey }),
    };
    const { signingKey } = this.access;
    if (!signingKey || method === 'GET') return headers;
    // A signed change has a key; one for this attempt alone keeps nothing from happening again.
    headers['idempotency-key'] ??= randomUUID();
    const { signedHeaders } = await import('../connection/sign-request.js');
    return signedHeaders(signingKey, { method, url, headers, body });
  }
}

/** A refusal as an error, whatever the other side sent for a body. */
export function problemFrom(status: number, json: unknown): RemoteProblem {
  const { code, detail, ...extra } = (json ?? {}) as Record<string, unknown>;
  return new RemoteProblem(
    status,
    typeof code === 'string' ? code : 'RemoteError',
    typeof detail === 'string' ? detail : `the server answered ${status}`,
    extra,
  );
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
