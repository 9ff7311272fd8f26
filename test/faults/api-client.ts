import { setTimeout as delay } from 'node:timers/promises';

/** A reply that settles a request: it will not be sent again. */
export interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: replies of every shape
  body: any;
  raw: Uint8Array;
  /** How often the request was sent. */
  attempts: number;
}

export interface Change {
  method: string;
  path: string;
  body?: unknown;
  /** Sent with every attempt: however often it is sent, it may happen once. */
  key: string;
  ifMatch?: string;
}

const ATTEMPT_MS = 15_000;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 400;
const GIVE_UP_MS = 240_000;

/** The request was never answered, however often it was sent. */
export class UnansweredError extends Error {
  override name = 'UnansweredError';
}

/** A caller that takes nothing but an answer: it asks one API after the other until there is one. */
export class ApiClient {
  private turn = 0;

  constructor(
    private readonly apiUrls: readonly string[],
    private readonly apiKey: string | null,
    /** Ends all waiting for answers. */
    private readonly abandoned?: AbortSignal,
  ) {}

  /** @throws UnansweredError */
  change({ method, path, body, key, ifMatch }: Change): Promise<Answer> {
    const headers: Record<string, string> = { 'idempotency-key': key };
    if (ifMatch) headers['if-match'] = ifMatch;
    return this.untilAnswered(method, path, body, headers);
  }

  /** @throws UnansweredError; Error for any reply but a 200 */
  // biome-ignore lint/suspicious/noExplicitAny: replies of every shape
  async get(path: string): Promise<any> {
    const { status, body } = await this.untilAnswered('GET', path, undefined, {});
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  /** A document that is no JSON. @throws UnansweredError; Error for any reply but a 200 */
  async bytes(path: string): Promise<Uint8Array> {
    const { status, raw } = await this.untilAnswered('GET', path, undefined, {});
    if (status !== 200) throw new Error(`GET ${path}: ${status}`);
    return raw;
  }

  async text(path: string): Promise<string> {
    return Buffer.from(await this.bytes(path)).toString('utf8');
  }

  /** Every item of a list, page after page. */
  // biome-ignore lint/suspicious/noExplicitAny: items of every shape
  async all(path: string): Promise<any[]> {
    const items = [];
    for (let cursor: string | null = null; ; ) {
      const separator = path.includes('?') ? '&' : '?';
      const from: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page = await this.get(`${path}${separator}limit=1000${from}`);
      items.push(...page.items);
      if (page.nextCursor === null) return items;
      cursor = page.nextCursor;
    }
  }

  private async untilAnswered(
    method: string,
    path: string,
    body: unknown,
    headers: Record<string, string>,
  ): Promise<Answer> {
    const deadline = Date.now() + GIVE_UP_MS;
    let last = '';
    for (let attempts = 1; Date.now() < deadline; attempts += 1) {
      this.abandoned?.throwIfAborted();
      const url = this.apiUrls[this.turn++ % this.apiUrls.length];
      try {
        const answer = await this.send(`${url}${path}`, method, body, headers);
        if (!mayChange(answer)) return { ...answer, attempts };
        last = `${answer.status} ${JSON.stringify(answer.body)}`;
      } catch (error) {
        last = `${(error as Error).message} ${((error as Error).cause as Error | undefined)?.message ?? ''}`;
      }
      await delay(Math.min(FIRST_PAUSE_MS * 2 ** attempts, LONGEST_PAUSE_MS), undefined, { signal: this.abandoned });
    }
    throw new UnansweredError(`${method} ${path} was not answered within ${GIVE_UP_MS} ms; last: ${last}`);
  }

  private async send(url: string, method: string, body: unknown, headers: Record<string, string>) {
    const reply = await fetch(url, {
      method,
      headers: {
        ...(this.apiKey === null ? {} : { authorization: `Bearer ${this.apiKey}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(ATTEMPT_MS),
    });
    const raw = new Uint8Array(await reply.arrayBuffer());
    const isJson = /[/+]json\b/.test(reply.headers.get('content-type') ?? '');
    return { status: reply.status, raw, body: isJson ? JSON.parse(Buffer.from(raw).toString('utf8')) : null };
  }
}

/** Whether the same request may yet get another reply: the service is away, or the request's twin is under way. */
function mayChange({ status, body }: Pick<Answer, 'status' | 'body'>): boolean {
  return status >= 500 || status === 429 || status === 408 || body?.code === 'IdempotencyKeyInUse';
}
