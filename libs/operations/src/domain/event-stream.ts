/** The text of a stream of server-sent events (WHATWG HTML, section 9.2). */

/** Sent first: a client that loses the stream waits so long before it comes again. */
export const RETRY_LINE = 'retry: 1000\n\n';

/** A comment: keeps proxies from taking a silent stream for a dead one. */
export const HEARTBEAT = ': heartbeat\n\n';

/** One event. The id is what the client sends back as Last-Event-ID. JSON has no line break, so its data is one line. */
export function serverSentEvent(event: string, id: number, data: unknown): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/**
 * The version that a client says it has seen; 0, which is before every event, when it says none or one that cannot be: a
 * stream that starts over costs one event, a stream that is silent forever costs the client.
 */
export function lastSeenVersion(header: string | string[] | undefined, current: number): number {
  if (typeof header !== 'string' || !/^\d{1,10}$/.test(header)) return 0;
  const seen = Number(header);
  return seen > current ? 0 : seen;
}
