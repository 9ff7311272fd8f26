import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import { hostOf, portOf } from './target-url.js';

/** What became of one attempt: a reply, or how far it came. */
export type EgressOutcome =
  | { status: number; retryAfterSeconds: number | null }
  | { failure: 'connect' | 'tls' | 'timeout' | 'protocol' };

export interface Post {
  headers: Record<string, string>;
  body: Uint8Array;
}

export interface PostLimits {
  /** For everything from the connection to the end of the reply. */
  signal: AbortSignal;
  /** Of the reply; what is beyond is not read. */
  maxReplyBytes: number;
}

const MAX_HEADER_BYTES = 16 * 1024;

/** No pool, and no proxy of the process's environment: the connection goes where it was checked to go. */
const AGENTS = { 'http:': new HttpAgent({ keepAlive: false }), 'https:': new HttpsAgent({ keepAlive: false }) };

/**
 * Posts to exactly this address, whatever the URL's name leads to by now; the name is for the certificate and the Host header
 * alone. Redirects are replies like others. Never rejects.
 */
export function postToAddress(url: URL, address: string, post: Post, limits: PostLimits): Promise<EgressOutcome> {
  const secure = url.protocol === 'https:';
  return new Promise((resolve) => {
    let reached: 'connect' | 'tls' | 'protocol' = 'connect';
    let replied = false;
    const request = (secure ? requestHttps : requestHttp)({
      agent: AGENTS[url.protocol as keyof typeof AGENTS],
      host: address,
      port: portOf(url),
      // The address is one: a name must not reach the socket, whatever is changed above.
      lookup: (_name, _options, answer) => answer(new Error('a name reached the socket'), '', 4),
      servername: isIP(hostOf(url)) === 0 ? hostOf(url) : undefined,
      method: 'POST',
      path: `${url.pathname}${url.search}`,
      headers: { ...post.headers, host: url.host, 'content-length': String(post.body.length) },
      maxHeaderSize: MAX_HEADER_BYTES,
      signal: limits.signal,
    });
    request.on('socket', (socket) => {
      socket.once('connect', () => {
        reached = secure ? 'tls' : 'protocol';
      });
      socket.once('secureConnect', () => {
        reached = 'protocol';
      });
    });
    request.once('response', (reply) => {
      replied = true;
      // However the reply ends, its status counts: the rest of it is not missed.
      reply.once('close', () => resolve({ status: reply.statusCode ?? 0, retryAfterSeconds: retryAfter(reply) }));
      readAtMost(reply, limits.maxReplyBytes);
    });
    request.on('error', () => {
      if (!replied) resolve({ failure: limits.signal.aborted ? 'timeout' : reached });
    });
    request.end(post.body);
  });
}

/** Lets the receiver finish a short reply; a long one is cut off. */
function readAtMost(reply: IncomingMessage, most: number): void {
  let read = 0;
  reply.on('data', (chunk: Buffer) => {
    read += chunk.length;
    if (read > most) reply.destroy();
  });
  reply.on('error', () => undefined);
}

/** Seconds of a Retry-After (RFC 9110, section 10.2.3); null when there is none that can be read. */
function retryAfter({ headers }: IncomingMessage): number | null {
  const value = headers['retry-after'];
  if (value === undefined) return null;
  if (/^\d{1,9}$/.test(value)) return Number(value);
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - Date.now()) / 1000));
}
