import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import type { RequestSigner } from '../support/request-signer.js';

// biome-ignore lint/suspicious/noExplicitAny: benchmarks look into replies of every shape
type Reply = any;

interface SigningCaller {
  apiKey: string;
  signer: RequestSigner;
}

export interface PreparedChange {
  path: string;
  text: string;
  headers: Record<string, string>;
}

/** A client that costs as little as it can: what it takes from the processor, the server cannot have. */
export class BenchClient {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 64 });

  constructor(private readonly url: string) {}

  /** Sends a change with an Idempotency-Key of its own, and gives its reply. @throws unless it succeeded */
  change(apiKey: string, method: string, path: string, body?: unknown): Promise<Reply> {
    const headers = { authorization: `Bearer ${apiKey}`, 'idempotency-key': randomUUID() };
    return this.send(method, path, body === undefined ? undefined : JSON.stringify(body), headers);
  }

  get(path: string, apiKey?: string): Promise<Reply> {
    return this.send('GET', path, undefined, apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` });
  }

  /** A signed change, ready to be sent: who signs is not who is measured. */
  prepare({ apiKey, signer }: SigningCaller, path: string, body: unknown): PreparedChange {
    const text = JSON.stringify(body);
    const signed = signer.headers({ method: 'POST', url: this.url + path, body: text });
    return { path, text, headers: { authorization: `Bearer ${apiKey}`, ...signed } };
  }

  sendPrepared({ path, text, headers }: PreparedChange): Promise<Reply> {
    return this.send('POST', path, text, headers);
  }

  close(): void {
    this.agent.destroy();
  }

  private send(
    method: string,
    path: string,
    text: string | undefined,
    headers: Record<string, string>,
  ): Promise<Reply> {
    const length =
      text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    return new Promise((resolve, reject) => {
      const outgoing = request(
        this.url + path,
        { method, agent: this.agent, headers: { ...headers, ...length } },
        (reply) => {
          let received = '';
          reply.setEncoding('utf8');
          reply.on('data', (chunk: string) => {
            received += chunk;
          });
          reply.on('end', () => {
            if ((reply.statusCode ?? 500) >= 300)
              reject(new Error(`${method} ${path}: ${reply.statusCode} ${received}`));
            else resolve(received === '' ? null : JSON.parse(received));
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(text);
    });
  }
}

/** Latencies in milliseconds and a rate per second. */
export interface LoadFigures {
  perSecond: number;
  p50: number;
  p99: number;
}

/** Runs `once` from several clients at once until the time is up; each call gets the number of its client and its turn. */
export async function load(
  clients: number,
  seconds: number,
  once: (client: number, turn: number) => Promise<unknown>,
): Promise<LoadFigures> {
  const latencies: number[] = [];
  const from = performance.now();
  const until = from + seconds * 1000;
  await Promise.all(
    Array.from({ length: clients }, async (_none, client) => {
      for (let turn = 0; performance.now() < until; turn += 1) {
        const sent = performance.now();
        await once(client, turn);
        latencies.push(performance.now() - sent);
      }
    }),
  );
  const elapsed = (performance.now() - from) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return { perSecond: latencies.length / elapsed, p50: at(0.5), p99: at(0.99) };
}
