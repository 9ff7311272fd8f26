import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { Outbox, SystemUnitOfWork } from '#database';
import { Clock, NotFoundError, type SegmentId } from '#kernel';
import { StagingFullError } from '../domain/migration.errors.js';
import { TicketError, TicketSigner } from '../domain/transfer-ticket.js';
import { SegmentRepository } from '../infra/segment.repository.js';
import { StagingArea, StagingOptions } from '../infra/staging-area.js';
import { PLACEMENT_TOPIC, topicKey } from './topics.js';

@Injectable()
export class ReceiveSegmentService {
  constructor(
    private readonly uow: SystemUnitOfWork,
    private readonly clock: Clock,
    private readonly segments: SegmentRepository,
    private readonly staging: StagingArea,
    private readonly options: StagingOptions,
    private readonly signer: TicketSigner,
    private readonly outbox: Outbox,
  ) {}

  /**
   * Takes in the ciphertext of an announced segment. The reply means that it is on disk and that its placement will happen;
   * the same body again is answered alike and changes nothing.
   * @throws TicketError, DigestMismatchError, StagingFullError, NotFoundError
   */
  async execute(ticketText: string, segmentId: SegmentId, body: Readable): Promise<'staged' | 'known'> {
    const ticket = this.signer.verify(ticketText, 'put', Math.floor(this.clock.now().getTime() / 1000));
    if (ticket.segment !== segmentId) throw new TicketError('The ticket is for another segment.');
    const { tenant } = ticket;
    const state = await this.uow.run(async (tx) => {
      const segment = await this.segments.find(tx, tenant, segmentId);
      if (!segment) throw new NotFoundError('segment', segmentId);
      if (segment.state === 'registered' && (await this.segments.stagedBytes(tx)) > this.options.stagingLimitBytes) {
        throw new StagingFullError();
      }
      return segment.state;
    });
    if (state !== 'registered') {
      body.resume();
      return 'known';
    }
    await this.staging.receive(tenant, { id: segmentId, sha256: ticket.sha256, size: ticket.size }, body);
    const now = await this.uow.run(async (tx) => {
      if (await this.segments.markStaged(tx, tenant, segmentId)) {
        this.outbox.add(tx, { topic: PLACEMENT_TOPIC, key: topicKey(tenant, segmentId), tenantId: tenant });
      }
      return (await this.segments.find(tx, tenant, segmentId))?.state;
    });
    // The same upload came twice at once, and the other one has been placed since: nobody will fetch this copy.
    if (now === 'placed') await this.staging.remove(tenant, segmentId);
    return 'staged';
  }
}
