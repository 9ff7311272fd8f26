import { randomBytes } from 'node:crypto';

/** A caller's trace that a request belongs to (W3C Trace Context, level 1). */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  traceId: string;
  /** What goes back: the same trace, with an id of our own for our part in it. */
  traceparent: string;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const SAMPLED = 1;

/** Reads the header; null when it is absent or not valid, which the standard says to treat alike. */
export function traceContextOf(header: string | string[] | undefined): TraceContext | null {
  const [, version, traceId = '', parentId = '', flags = '', rest] =
    (typeof header === 'string' && TRACEPARENT.exec(header)) || [];
  if (version === undefined || version === 'ff' || /^0+$/.test(traceId) || /^0+$/.test(parentId)) return null;
  if (version === '00' && rest !== undefined) return null;
  // Of the flags of later versions only this one is known to us.
  const sampled = (Number.parseInt(flags, 16) & SAMPLED).toString().padStart(2, '0');
  return { traceId, traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-${sampled}` };
}
