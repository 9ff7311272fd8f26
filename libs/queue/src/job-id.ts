/**
 * One id for each topic and key, so that hints for one thing do not pile up. BullMQ refuses `:` and plain integers; other
 * signs than those of our own ids are escaped, so that two keys never share an id.
 */
export function jobId(topic: string, key: string): string {
  const escaped = key.replace(/[^A-Za-z0-9._-]/gu, (sign) => `~${sign.codePointAt(0)?.toString(16)}~`);
  return `${topic}~${escaped}`;
}
