/** The text of a stream of server-sent events (WHATWG HTML, section 9.2). */

/** Sent first: a client that loses the stream waits so long before it comes again. */
export const RETRY_LINE = 'retry: 1000\n\n';

/** A comment: keeps proxies from taking a silent stream for a dead one. */
export const HEARTBEAT = ': heartbeat\n\n';

/** One event. The id is what the client sends back as Last-Event-ID. JSON has no line break, so its data is one line. */
export function serverSentEvent(event: string, id: number, data: unknown): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Tells a client where the stream begins, as an id without an event: one that is cut off before the first event has it. */
export function startingAt(id: number): string {
  return `id: ${id}\n\n`;
}
