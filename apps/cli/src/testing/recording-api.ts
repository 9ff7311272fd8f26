import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SeenRequest {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: unknown;
}

export interface ScriptedReply {
  status: number;
  body?: unknown;
  /** The connection is cut in place of a reply. */
  cut?: boolean;
}

/** An HTTP server that remembers what it was asked and answers as it was told: for what a real API cannot be made to do. */
export class RecordingApi {
  readonly seen: SeenRequest[] = [];
  private replies: ScriptedReply[] = [];
  private readonly server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    const { method = '', url = '', headers } = request;
    this.seen.push({ method, url, headers, body: text === '' ? undefined : JSON.parse(text) });
    const reply = this.replies.shift() ?? { status: 200, body: { id: 'x' } };
    if (reply.cut) return void request.socket.destroy();
    response.writeHead(reply.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(reply.body ?? {}));
  });

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', () => resolve()));
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get env() {
    return { FREEHOLD_URL: this.url, FREEHOLD_API_KEY: 'fh_test', FREEHOLD_CONFIG: '/nonexistent/config.json' };
  }

  /** The next replies, in order; after them each is 200. */
  script(...replies: ScriptedReply[]): void {
    this.replies = replies;
    this.seen.length = 0;
  }

  get last(): SeenRequest {
    return this.seen.at(-1)!;
  }
}
