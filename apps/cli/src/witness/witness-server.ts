import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { formatVkey, fromUtf8, MAX_ADD_CHECKPOINT_BYTES, toHex } from '#merkle';
import type { Witness } from './witness.js';

const TEXT = 'text/plain; charset=utf-8';

/** What a slow or silent client may cost. */
const LIMITS = { checkMs: 1_000, headersMs: 5_000, requestMs: 10_000, idleMs: 60_000, connections: 512, headers: 64 };

export interface WitnessServer {
  url: string;
  /** Answers what has been asked, and takes nothing more. */
  close(): Promise<void>;
}

/** The witness over HTTP: add-checkpoint of c2sp.org/tlog-witness, and what it knows, for whoever asks. */
export async function serveWitness(
  witness: Witness,
  { port, host, failed }: { port: number; host: string; failed: (error: unknown) => void },
): Promise<WitnessServer> {
  const server = createServer(
    { maxHeaderSize: 16 << 10, connectionsCheckingInterval: LIMITS.checkMs },
    (request, response) => {
      answer(witness, request, response).catch((error: unknown) => {
        if (error instanceof ClientGoneError) return;
        failed(error);
        if (!response.headersSent) send(response, 500, TEXT, 'the witness failed; its operator has been told why\n');
        else response.destroy();
      });
    },
  );
  server.headersTimeout = LIMITS.headersMs;
  server.requestTimeout = LIMITS.requestMs;
  server.keepAliveTimeout = LIMITS.idleMs;
  server.maxConnections = LIMITS.connections;
  server.maxHeadersCount = LIMITS.headers;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
  return { url: urlOf(server), close: () => close(server) };
}

async function answer(witness: Witness, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '').split('?', 1)[0]!;
  if (path === '/add-checkpoint') {
    if (request.method !== 'POST') return refuse(response, 405, 'POST');
    const body = await readBody(request);
    if (body === null) return refuse(response, 413);
    const reply = await witness.addCheckpoint(body);
    return send(response, reply.status, reply.type, reply.body);
  }
  const monitored = /^\/([0-9a-f]{64})\/checkpoint$/.exec(path)?.[1];
  if (path !== '/' && path !== '/v1/witness' && monitored === undefined) return refuse(response, 404);
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, 'GET, HEAD');
  if (monitored === undefined) return send(response, 200, 'application/json', `${JSON.stringify(statusOf(witness))}\n`);
  const note = witness.checkpoint(monitored);
  return note === null ? refuse(response, 404) : send(response, 200, TEXT, note);
}

function statusOf(witness: Witness) {
  const { key } = witness.folder.key;
  return {
    name: key.name,
    vkey: formatVkey(key),
    logs: witness.heads().map(({ origin, keys, size, root, time }) => ({
      origin,
      vkeys: keys.map(formatVkey),
      size,
      root: toHex(root),
      cosignedAt: time === 0 ? null : new Date(time * 1000).toISOString(),
    })),
  };
}

/** The body as text, or null when it is longer than a request can be. What is not UTF-8 is no request and becomes ''. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  const whole = await new Promise<boolean>((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      chunks.push(chunk);
      if (length <= MAX_ADD_CHECKPOINT_BYTES) return;
      request.pause();
      resolve(false);
    });
    request.once('end', () => resolve(true));
    for (const event of ['error', 'close'])
      request.once(event, () => reject(new ClientGoneError('the client went away')));
  });
  if (!whole) return null;
  try {
    return fromUtf8(Buffer.concat(chunks));
  } catch {
    return '';
  }
}

/** Nobody is there any more to be answered. */
class ClientGoneError extends Error {}

function refuse(response: ServerResponse, status: 404 | 405 | 413, allow?: string): void {
  const why = { 404: 'there is nothing here', 405: `this takes ${allow}`, 413: 'this is longer than a request can be' };
  if (allow !== undefined) response.setHeader('allow', allow);
  if (status === 413) response.setHeader('connection', 'close').once('finish', () => response.req.destroy());
  send(response, status, TEXT, `${why[status]}\n`);
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  });
  response.end(body);
}

function urlOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  const reachable = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address;
  return `http://${family === 'IPv6' ? `[${reachable}]` : reachable}:${port}`;
}

/** Requests under way are answered; a connection that stays open after that is cut. */
function close(server: Server): Promise<void> {
  const idle = setInterval(() => server.closeIdleConnections(), 50);
  const last = setTimeout(() => server.closeAllConnections(), LIMITS.requestMs);
  return new Promise<void>((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()));
    server.closeIdleConnections();
  }).finally(() => {
    clearInterval(idle);
    clearTimeout(last);
  });
}
