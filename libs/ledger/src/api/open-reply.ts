import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** For what changes with every batch: a cache may spare us a second, and nobody waits longer for news. */
export const FOR_A_SECOND = 'public, max-age=1';
/** For tiles: a narrower one is a prefix of the wider one it becomes, so what was served once stays true. */
export const FOREVER = 'public, max-age=31536000, immutable';

/**
 * Sends a document of the open log: to everybody, scripts of other origins included, and only once to whoever keeps its
 * ETag (RFC 9110 section 13.1.2).
 */
export async function sendOpen(
  request: FastifyRequest,
  reply: FastifyReply,
  content: string | Uint8Array,
  { type, cache }: { type: string; cache: string },
): Promise<void> {
  const bytes =
    typeof content === 'string'
      ? Buffer.from(content)
      : Buffer.from(content.buffer, content.byteOffset, content.length);
  const tag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 27)}"`;
  reply.header('cache-control', cache).header('etag', tag).header('access-control-allow-origin', '*');
  if (isKept(request.headers['if-none-match'], tag)) await reply.status(304).send();
  else await reply.header('content-type', type).send(bytes);
}

function isKept(header: string | undefined, tag: string): boolean {
  const kept = header?.split(',').map((one) => one.trim().replace(/^W\//, '')) ?? [];
  return kept.includes(tag) || kept.includes('*');
}
