import { Injectable } from '@nestjs/common';
import { SystemUnitOfWork } from '#database';
import { Clock, NotFoundError, type SegmentId } from '#kernel';
import { SegmentUnavailableError } from '../domain/migration.errors.js';
import { TicketSigner } from '../domain/transfer-ticket.js';
import { RestoreSlots } from '../infra/restore-slots.js';
import { SegmentRepository } from '../infra/segment.repository.js';
import type { ShardFailure } from '../infra/shard-work.js';
import { ShardWorkers } from '../infra/shard-workers.js';
import { StorageNodeRepository } from '../infra/storage-node.repository.js';

/** A segment's ciphertext, and the shards that could not be used for it: for whoever repairs. */
export interface ReadSegment {
  bytes: Buffer;
  failed: ShardFailure[];
  /** To be called, once or more often, when the bytes have been sent or will not be: others wait for their memory. */
  release(): void;
}

@Injectable()
export class ReadSegmentService {
  constructor(
    private readonly uow: SystemUnitOfWork,
    private readonly clock: Clock,
    private readonly segments: SegmentRepository,
    private readonly nodes: StorageNodeRepository,
    private readonly workers: ShardWorkers,
    private readonly slots: RestoreSlots,
    private readonly signer: TicketSigner,
  ) {}

  /**
   * The ciphertext of a placed segment from any k of its shards, each checked against the root that the tenant signed.
   * Another dataset's segment is as if it did not exist.
   * @throws TicketError, NotFoundError, SegmentUnavailableError, TransferBusyError
   */
  async execute(ticketText: string, id: SegmentId): Promise<ReadSegment> {
    const ticket = this.signer.verify(ticketText, 'get', Math.floor(this.clock.now().getTime() / 1000));
    const { segment, shards } = await this.uow.run(async (tx) => {
      const found = await this.segments.find(tx, ticket.tenant, id);
      if (!found || found.datasetId !== ticket.dataset || found.state !== 'placed')
        throw new NotFoundError('segment', id);
      const nodes = new Map((await this.nodes.all(tx)).map((node) => [node.id, node]));
      const places = await this.segments.shardsOf(tx, ticket.tenant, id);
      return {
        segment: found.record,
        shards: places.flatMap((place) => {
          const node = nodes.get(place.nodeId);
          return node ? [{ ...place, node: { id: node.id, driver: node.driver, location: node.location } }] : [];
        }),
      };
    });
    const { size, sha256, k, m, roots } = segment;
    const slot = await this.slots.take();
    try {
      const result = await this.workers.gather({
        segment: { id, size, sha256, k, m, roots },
        shards,
        into: slot.memory,
      });
      if (result.outcome === 'unavailable') throw new SegmentUnavailableError(id, result.readable, k);
      if (result.moved) slot.replace(result.moved);
      return { bytes: Buffer.from(result.moved ?? slot.memory, 0, size), failed: result.failed, release: slot.release };
    } catch (error) {
      slot.release();
      throw error;
    }
  }
}
