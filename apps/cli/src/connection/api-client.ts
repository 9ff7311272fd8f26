import { randomUUID } from 'node:crypto';
import { ConnectionFailed } from '../migrate/client-errors.js';
import { parseJson, problemFrom } from '../migrate/migration-api.js';
import { type Patience, retrying } from '../migrate/retrying.js';
import type { Connection } from './connect.js';
import type { RequestSigningKey } from './sign-request.js';

export interface ApiRequest {
  method: string;
  /** With its leading slash, ids filled in. */
  path: string;
  query?: Record<string, string | readonly string[] | undefined>;
  body?: unknown;
  /** Validates, authorises and plans, and writes nothing. */
  dryRun?: boolean;
  anchor?: 'immediate';
  /** Drawn when absent; one for all attempts, so that a lost reply does not make a change happen twice. */
  idempotencyKey?: string;
  /** The version that the caller has seen. */
  ifMatch?: string;
  /** Of a stream that broke: it goes on behind this event. */
  lastEventId?: string;
}

/** A request as it will be sent, but for its signature, which is made for each attempt. */
interface PreparedRequest {
  url: string;
  method: string;
  headers: Record<string, string>;
  body?: string;
}

/** A page of a list. */
interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

const REQUEST_TIMEOUT_MS = 60_000;
const MOST_PER_PAGE = 1000;
/** Long enough for a process that is being started again, short enough for someone who waits. */
const PATIENCE: Patience = { forMs: 2_500 };

/** The API over plain HTTP. Changes are signed when the connection has a key for it. @throws RemoteProblem for a refusal, ConnectionFailed */
export class ApiClient {
  constructor(
    readonly connection: Connection,
    private readonly patience: Patience = PATIENCE,
    /** Is told of every reply to a change that was made: it may carry a promise. */
    readonly changed: (reply: unknown) => void = () => undefined,
  ) {}

  async json<T>(request: ApiRequest): Promise<T> {
    const reply = parseJson(await this.text(request)) as T;
    if (request.method !== 'GET' && !request.dryRun) this.changed(reply);
    return reply;
  }

  async text(request: ApiRequest): Promise<string> {
    return Buffer.from(await this.bytes(request)).toString('utf8');
  }

  bytes(request: ApiRequest): Promise<ArrayBuffer> {
    const prepared = this.prepare(request);
    return retrying(this.patience, async () => {
      const reply = await this.send(prepared);
      return whileConnected(prepared.url, () => reply.arrayBuffer());
    });
  }

  /** A reply that may be long, as it arrives. Not retried once it has begun. */
  async stream(request: ApiRequest): Promise<AsyncIterable<Uint8Array>> {
    const prepared = this.prepare(request);
    const reply = await retrying(this.patience, () => this.send(prepared, null));
    return reply.body ?? emptyStream();
  }

  /** Resources of a list, up to `most` of them, and where to go on. */
  async list<T>(
    path: string,
    query: ApiRequest['query'] = {},
    most = Number.POSITIVE_INFINITY,
  ): Promise<{ items: T[]; nextCursor: string | null }> {
    const items: T[] = [];
    let cursor = query.cursor as string | undefined;
    for (;;) {
      const limit = `${Math.min(most - items.length, MOST_PER_PAGE)}`;
      const page = await this.json<Page<T>>({ method: 'GET', path, query: { ...query, cursor, limit } });
      items.push(...page.items);
      if (page.nextCursor === null || items.length >= most) return { items, nextCursor: page.nextCursor };
      cursor = page.nextCursor;
    }
  }

  private prepare(request: ApiRequest): PreparedRequest {
    const { method, path, query = {}, body, dryRun = false } = request;
    const url = new URL(this.connection.url + path);
    for (const [name, value] of Object.entries(query)) {
      for (const one of [value ?? []].flat()) url.searchParams.append(name, one);
    }
    if (dryRun) url.searchParams.set('dryRun', 'true');
    if (request.anchor) url.searchParams.set('anchor', request.anchor);
    const headers: Record<string, string> = {};
    if (this.connection.apiKey !== null) headers.authorization = `Bearer ${this.connection.apiKey}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (method !== 'GET') headers['idempotency-key'] = request.idempotencyKey ?? randomUUID();
    if (request.ifMatch !== undefined) headers['if-match'] = request.ifMatch;
    if (request.lastEventId !== undefined) headers['last-event-id'] = request.lastEventId;
    return { url: url.href, method, headers, body: body === undefined ? undefined : JSON.stringify(body) };
  }

  private async send(prepared: PreparedRequest, timeoutMs: number | null = REQUEST_TIMEOUT_MS): Promise<Response> {
    const signal = timeoutMs === null ? undefined : AbortSignal.timeout(timeoutMs);
    const { url, method, body } = prepared;
    const { signingKey } = this.connection;
    const headers = signingKey && method !== 'GET' ? await signed(signingKey, prepared) : prepared.headers;
    const reply = await whileConnected(url, () => fetch(url, { method, headers, body, signal, redirect: 'error' }));
    if (reply.ok) return reply;
    throw problemFrom(reply.status, parseJson(await whileConnected(url, () => reply.text())));
  }
}

/** What signing takes is loaded when something is signed. */
async function signed(key: RequestSigningKey, request: PreparedRequest): Promise<Record<string, string>> {
  const { signedHeaders } = await import('./sign-request.js');
  return signedHeaders(key, request);
}

async function whileConnected<T>(url: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new ConnectionFailed(url, cause);
  }
}

async function* emptyStream(): AsyncIterable<Uint8Array> {}
