import { Injectable } from '@nestjs/common';
import { type DatasetId, DomainError, type SegmentId, type TenantId } from '#kernel';
import { ServiceKeys } from '#keyring';
import { TICKET_SECONDS, TicketSigner } from '../domain/transfer-ticket.js';

/** The service key that signs tickets; the data process and the workers make it, the API reads it. */
const TICKET_KEY = 'transfer-ticket';

export abstract class TicketOptions {
  /** Where clients reach the data process, without a slash at its end. */
  abstract readonly dataUrl: string;
}

export interface IssuedTicket {
  url: string;
  ticket: string;
  expiresAt: Date;
}

/** Opens the signer of tickets; to be called at boot by a process that may make service keys. */
export async function loadTicketSigner(keys: ServiceKeys): Promise<TicketSigner> {
  return new TicketSigner((await keys.getOrCreate(TICKET_KEY, 'symmetric-256')).revealSecret());
}

/** Hands out tickets for the data process. */
@Injectable()
export class TicketIssuer {
  private signer: Promise<TicketSigner> | undefined;

  constructor(
    private readonly keys: ServiceKeys,
    private readonly options: TicketOptions,
  ) {}

  async upload(
    tenant: TenantId,
    segment: { id: SegmentId; sha256: string; size: number },
    now: Date,
  ): Promise<IssuedTicket> {
    const { exp, expiresAt } = expiry(now);
    const signer = await this.ready();
    const { id, sha256, size } = segment;
    const ticket = signer.sign({ op: 'put', v: 1, tenant, segment: id, sha256, size, exp });
    return { url: `${this.options.dataUrl}/v1/segments/${id}`, ticket, expiresAt };
  }

  /** The URL is that of all segments; a segment's own is `<url>/<segment id>`. */
  async restore(tenant: TenantId, dataset: DatasetId, now: Date): Promise<IssuedTicket> {
    const { exp, expiresAt } = expiry(now);
    const signer = await this.ready();
    const ticket = signer.sign({ op: 'get', v: 1, tenant, dataset, exp });
    return { url: `${this.options.dataUrl}/v1/segments`, ticket, expiresAt };
  }

  private ready(): Promise<TicketSigner> {
    this.signer ??= loadTicketSigner(this.keys).catch((cause: unknown) => {
      this.signer = undefined;
      throw new DomainError('unavailable', 'TransferUnavailable', 'The data process has not started yet; try again.', {
        cause,
      });
    });
    return this.signer;
  }
}

function expiry(now: Date): { exp: number; expiresAt: Date } {
  const exp = Math.floor(now.getTime() / 1000) + TICKET_SECONDS;
  return { exp, expiresAt: new Date(exp * 1000) };
}
