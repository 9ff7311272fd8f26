import type { FastifyReply } from 'fastify';
import type { StoredReply } from '#kernel';

/** Sends a change's reply, now or when the same request comes again. */
export function sendStored(reply: FastifyReply, stored: StoredReply): void {
  void reply.status(stored.status);
  if (stored.etag !== null) void reply.header('etag', stored.etag);
  if (stored.body === null || stored.body === undefined) void reply.send();
  else void reply.header('content-type', 'application/json; charset=utf-8').send(JSON.stringify(stored.body));
}

/** The strong entity tag of a resource's version. */
export function entityTag(version: number): string {
  return `"${version}"`;
}

/** Gives the tag of what has a version, in a view or in a reply; null for what has none. */
export function tagOf(view: unknown): string | null {
  const version = typeof view === 'object' && view !== null ? (view as { version?: unknown }).version : undefined;
  return typeof version === 'number' ? entityTag(version) : null;
}
