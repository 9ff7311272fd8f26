/**
 * What lets a client put or get ciphertext at the data process without any other credential: who, which segment or dataset,
 * which bytes and until when, under an HMAC of a service key. `<payload, base64url>.<HMAC-SHA-256, base64url>`.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { type DatasetId, DomainError, idPattern, type SegmentId, type TenantId } from '#kernel';

const base = { v: z.literal(1), tenant: z.string().regex(idPattern('tenant')), exp: z.int() };

const ticketSchema = z.discriminatedUnion('op', [
  z.strictObject({
    ...base,
    op: z.literal('put'),
    segment: z.string().regex(idPattern('segment')),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    size: z.int().min(1),
  }),
  z.strictObject({ ...base, op: z.literal('get'), dataset: z.string().regex(idPattern('dataset')) }),
]);

/** Lets exactly these bytes of one segment in. `exp` is in Unix seconds. */
export interface UploadTicket {
  op: 'put';
  v: 1;
  tenant: TenantId;
  segment: SegmentId;
  sha256: string;
  size: number;
  exp: number;
}

/** Lets the segments of one dataset out. */
export interface RestoreTicket {
  op: 'get';
  v: 1;
  tenant: TenantId;
  dataset: DatasetId;
  exp: number;
}

export type TransferTicket = UploadTicket | RestoreTicket;

export const TICKET_SECONDS = 15 * 60;
const TICKET_MAX_LENGTH = 1024;

export class TicketError extends DomainError {
  constructor(detail: string) {
    super('unauthenticated', 'TicketRefused', detail);
  }
}

export class TicketSigner {
  constructor(private readonly key: Uint8Array) {}

  sign(ticket: TransferTicket): string {
    const payload = Buffer.from(JSON.stringify(ticket)).toString('base64url');
    return `${payload}.${this.mac(payload).toString('base64url')}`;
  }

  /**
   * Checks a ticket and gives what it allows.
   * @param now in Unix seconds @throws TicketError; its text never repeats the ticket
   */
  verify<Op extends TransferTicket['op']>(text: string, op: Op, now: number): Extract<TransferTicket, { op: Op }> {
    const [payload, mac, ...rest] = text.length <= TICKET_MAX_LENGTH ? text.split('.') : [];
    const given = Buffer.from(mac ?? '', 'base64url');
    const expected = this.mac(payload ?? '');
    if (!payload || rest.length > 0 || given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw new TicketError('The ticket was not issued here; ask the API for one.');
    }
    const ticket = ticketSchema.safeParse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')));
    if (!ticket.success || ticket.data.op !== op) throw new TicketError('The ticket is for something else.');
    if (ticket.data.exp <= now) throw new TicketError('The ticket has expired; ask the API for another.');
    return ticket.data as Extract<TransferTicket, { op: Op }>;
  }

  private mac(payload: string): Buffer {
    return createHmac('sha256', this.key).update('freehold/transfer-ticket/v1\n').update(payload).digest();
  }
}
