import type { FastifyReply } from 'fastify';
import type { StoredReply } from '#kernel';

/** Puts a reply's status and headers in place and gives what is still to be sent: Nest sends what a handler returns. */
export function prepareReply(reply: FastifyReply, stored: StoredReply): string | undefined {
  void reply.status(stored.status);
  if (stored.etag !== null) void reply.header('etag', stored.etag);
  if (stored.body === null || stored.body === undefined) return undefined;
  void reply.header('content-type', 'application/json; charset=utf-8');
  return JSON.stringify(stored.body);
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
