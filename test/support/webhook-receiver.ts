import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

/** One request as the receiver got it. */
export interface Received {
  path: string;
  id: string;
  headers: Record<string, string>;
  body: string;
  // biome-ignore lint/suspicious/noExplicitAny: messages of every kind
  message: any;
  /** The server name that TLS was asked for. */
  serverName: string | undefined;
}

/** What a receiver answers: a status, or whatever it likes. */
export type Answer = number | ((request: Received, response: ServerResponse) => void);

export interface ReceiverOptions {
  tls?: { cert: string; key: string };
  host?: string;
}

/** A real receiver of webhooks on loopback, which keeps all that it got. */
export class WebhookReceiver {
  readonly received: Received[] = [];
  answer: Answer = 204;

  private constructor(
    private readonly server: Server,
    private readonly scheme: 'http' | 'https',
  ) {}

  /** Speaks plain HTTP without a certificate and its key. */
  static async start({ tls, host = '127.0.0.1' }: ReceiverOptions = {}): Promise<WebhookReceiver> {
    const server = tls ? createSecureServer(tls) : createServer();
    const receiver = new WebhookReceiver(server, tls ? 'https' : 'http');
    server.on('request', async (request, response) => {
      let body = '';
      try {
        for await (const chunk of request.setEncoding('utf8')) body += chunk;
      } catch {
        return;
      }
      const headers = Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, [value].flat().join(', ')]),
      );
      const got: Received = {
        path: request.url ?? '',
        id: headers['webhook-id'] ?? '',
        headers,
        body,
        message: JSON.parse(body),
        serverName: (request.socket as { servername?: string }).servername,
      };
      receiver.received.push(got);
      if (typeof receiver.answer === 'number') response.writeHead(receiver.answer).end();
      else receiver.answer(got, response);
    });
    server.listen(0, host);
    await once(server, 'listening');
    return receiver;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  url(host = '127.0.0.1', path = '/hook'): string {
    return `${this.scheme}://${host}:${this.port}${path}`;
  }

  get ids(): string[] {
    return this.received.map(({ id }) => id);
  }

  /** Of the entries that were told of, in the order in which they came. */
  get sequences(): number[] {
    return this.received
      .filter(({ message }) => message.type === 'ledger.entry')
      .map(({ message }) => message.data.tenantSeq as number);
  }

  /** Whether the message was signed by the secret, as Standard Webhooks' own library says. */
  isSigned({ body, headers }: Received, secret: string): boolean {
    try {
      new Webhook(secret).verify(body, headers);
      return true;
    } catch {
      return false;
    }
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close').catch(() => undefined);
  }
}
