/** Ciphertext to and from the data process: one request a segment, over connections that are kept. */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { SEGMENT_MAX_BYTES } from '#dataset';
import { ConnectionFailed, RemoteProblem } from './client-errors.js';
import { parseJson, problemFrom } from './migration-api.js';

/** A connection that is silent for so long is given up. */
const SILENCE_MS = 60_000;
const PROBLEM_MAX_BYTES = 64 * 1024;

export class SegmentTransfer {
  private readonly http = new HttpAgent({ keepAlive: true, maxSockets: 16 });
  private readonly https = new HttpsAgent({ keepAlive: true, maxSockets: 16 });

  /** Uploads a segment's ciphertext. @throws RemoteProblem, ConnectionFailed */
  async put(url: string, ticket: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    await this.exchange('PUT', url, ticket, bytes, PROBLEM_MAX_BYTES, signal);
  }

  /** Downloads a segment's ciphertext, whole. @throws RemoteProblem, ConnectionFailed */
  get(url: string, ticket: string, signal?: AbortSignal): Promise<Buffer> {
    return this.exchange('GET', url, ticket, null, SEGMENT_MAX_BYTES, signal);
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
    replyMax: number,
    signal?: AbortSignal,
  ): Promise<Buffer> {
    let reply: IncomingMessage;
    let content: Buffer;
    try {
      reply = await this.send(method, url, ticket, body, signal);
      content = await readAll(reply, reply.statusCode === 200 ? replyMax : PROBLEM_MAX_BYTES);
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
          signal,
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
      request.end(body ?? undefined);
    });
  }
}

async function readAll(reply: IncomingMessage, most: number): Promise<Buffer> {
  const stated = Number(reply.headers['content-length'] ?? Number.NaN);
  if (stated > most) throw tooLarge(most);
  // One buffer of the stated size, in place of parts that are put together: a segment is in memory once.
  const whole = Number.isSafeInteger(stated) ? Buffer.allocUnsafe(stated) : null;
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of reply as AsyncIterable<Buffer>) {
    if (size + part.length > (whole?.length ?? most)) throw tooLarge(most);
    if (whole) part.copy(whole, size);
    else parts.push(part);
    size += part.length;
  }
  if (whole && size !== whole.length) throw new Error('the reply was cut off');
  return whole ?? Buffer.concat(parts);
}

function tooLarge(most: number): RemoteProblem {
  return new RemoteProblem(502, 'ReplyTooLarge', `the data process sent more than ${most} bytes`);
}
