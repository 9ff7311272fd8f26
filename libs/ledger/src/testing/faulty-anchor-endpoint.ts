import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * pass: as if it were not there; refuse-sends: transactions do not get through; lose-replies: they do, unheard; no-proofs: as
 * a node that does not know eth_getProof.
 */
export type EndpointFault = 'pass' | 'refuse-sends' | 'lose-replies' | 'no-proofs';

/** A way to the chain that breaks when told to. */
export class FaultyAnchorEndpoint {
  fault: EndpointFault = 'pass';
  /** Transactions that reached the node. */
  sent = 0;
  private readonly server: Server;

  private constructor(target: string) {
    this.server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        this.forward(target, Buffer.concat(parts).toString(), response).catch(() => request.socket.destroy());
      });
    });
  }

  /** @throws Error when no reply is to reach the caller */
  private async forward(target: string, body: string, response: ServerResponse): Promise<void> {
    const sends = body.split('eth_sendRawTransaction').length - 1;
    if (this.fault === 'refuse-sends' && sends > 0) throw new Error('refused');
    const asked = this.fault === 'no-proofs' ? body.replaceAll('eth_getProof', 'eth_unknown') : body;
    const reply = await fetch(target, { method: 'POST', headers: { 'content-type': 'application/json' }, body: asked });
    const text = await reply.text();
    this.sent += sends;
    if (this.fault === 'lose-replies' && sends > 0) throw new Error('lost');
    response.writeHead(reply.status, { 'content-type': 'application/json' }).end(text);
  }

  static async open(target: string): Promise<FaultyAnchorEndpoint> {
    const endpoint = new FaultyAnchorEndpoint(target);
    await new Promise<void>((resolve) => {
      endpoint.server.listen(0, '127.0.0.1', resolve);
    });
    return endpoint;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}
