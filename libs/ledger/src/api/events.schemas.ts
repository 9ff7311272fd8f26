import { z } from 'zod';
import { InvalidInputError } from '#kernel';

const after = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional();

export const logEventsQuery = z.strictObject({
  after: after.describe('Every checkpoint of more entries than this; without it, the newest one and those to come.'),
});

export const ledgerEventsQuery = z.strictObject({
  after: after.describe(
    "Every entry behind this number (tenantSeq) of the tenant's chain; 0 is all. Without it, those to come.",
  ),
});

/**
 * Where a stream goes on: behind the event that the client names in Last-Event-ID, which an EventSource sends when it comes
 * again, and else behind what its address says. @throws InvalidInputError
 */
export function resumeAfter(lastEventId: string | undefined, after: number | undefined): number | undefined {
  if (lastEventId === undefined || lastEventId === '') return after;
  if (/^(0|[1-9]\d{0,14})$/.test(lastEventId)) return Number(lastEventId);
  throw new InvalidInputError([
    {
      pointer: '/header/last-event-id',
      rule: 'last-event-id.number',
      message: 'not the id of an event of this stream',
      fix: 'send the id of the last event that you have seen, or leave the header out',
    },
  ]);
}
