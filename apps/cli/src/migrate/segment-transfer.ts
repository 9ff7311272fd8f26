/** Ciphertext to and from the data process: one request a segment, over connections that are kept. */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { ConnectionFailed, RemoteProblem } from './client-errors.js';
import { parseJson, problemFrom } from './migration-api.js';

/** A connection that is silent for so long is given up. */
const SILENCE_MS = 60_000;
/** Of a reply that is not a segment. */
const REPLY_MAX_BYTES = 64 * 1024;

export class SegmentTransfer {
  private readonly http = new HttpAgent({ keepAlive: true, maxSockets: 16 });
  private readonly https = new HttpsAgent({ keepAlive: true, maxSockets: 16 });

  /** Uploads a segment's ciphertext. @throws RemoteProblem, ConnectionFailed */
  async put(url: string, ticket: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    await this.exchange('PUT', url, ticket, bytes, Buffer.alloc(0), signal);
  }

  /** Downloads a segment's ciphertext into a buffer of SEGMENT_MAX_BYTES; gives its part that was filled. */
  get(url: string, ticket: string, into: Buffer, signal?: AbortSignal): Promise<Buffer> {
    return this.exchange('GET', url, ticket, null, into, signal);
  }

  /** Closes the kept connections. */
  close(): void {
    this.http.destroy();
    this.https.destroy();
  }

  private async exchange(
    method: string,
    url: string,
    ticket: string,
    body: Uint8Array | null,
    into: Buffer,
    signal?: AbortSignal,
  ): Promise<Buffer> {
    let reply: IncomingMessage;
    let content: Buffer;
    try {
      reply = await this.send(method, url, ticket, body, signal);
      // What is not a segment is short, and a problem when it is not a segment that was asked for.
      const room = method === 'GET' && reply.statusCode === 200 ? into : Buffer.alloc(REPLY_MAX_BYTES);
      content = await readInto(reply, room);
    } catch (cause) {
      signal?.throwIfAborted();
      throw cause instanceof RemoteProblem ? cause : new ConnectionFailed(url, cause);
    }
    const status = reply.statusCode ?? 0;
    if (status === 200 || status === 201) return content;
    throw problemFrom(status, parseJson(content.toString('utf8')));
  }

  private send(
    method: string,
    url: string,
    ticket: string,
    body: Uint8Array | null,
    signal?: AbortSignal,
  ): Promise<IncomingMessage> {
    const secure = url.startsWith('https:');
    return new Promise((resolve, reject) => {
      const request = (secure ? httpsRequest : httpRequest)(
        url,
        {
          method,
          agent: secure ? this.https : this.http,
          timeout: SILENCE_MS,
          headers: {
            authorization: `Ticket ${ticket}`,
            ...(body ? { 'content-type': 'application/octet-stream', 'content-length': body.length } : {}),
          },
        },
        resolve,
      );
      request.on('timeout', () => request.destroy(new Error(`silent for ${SILENCE_MS} ms`)));
      request.on('error', reject);
      const abort = () => request.destroy(new Error('aborted'));
      signal?.addEventListener('abort', abort, { once: true });
      request.on('close', () => signal?.removeEventListener('abort', abort));
      if (signal?.aborted) abort();
      request.end(body ?? undefined);
    });
  }
}

async function readInto(reply: IncomingMessage, room: Buffer): Promise<Buffer> {
  let size = 0;
  for await (const part of reply as AsyncIterable<Buffer>) {
    if (size + part.length > room.length) {
      throw new RemoteProblem(502, 'ReplyTooLarge', `the data process sent more than ${room.length} bytes`);
    }
    size += part.copy(room, size);
  }
  if (reply.headers['content-length'] !== undefined && Number(reply.headers['content-length']) !== size) {
    throw new Error('the reply was cut off');
  }
  return room.subarray(0, size);
}
