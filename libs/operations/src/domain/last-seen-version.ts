/**
 * The version that a client says it has seen; 0, which is before every event, when it says none or one that cannot be: a
 * stream that starts over costs one event, a stream that is silent forever costs the client.
 */
export function lastSeenVersion(header: string | string[] | undefined, current: number): number {
  if (typeof header !== 'string' || !/^\d{1,10}$/.test(header)) return 0;
  const seen = Number(header);
  return seen > current ? 0 : seen;
}
