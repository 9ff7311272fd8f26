import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Tx, UnitOfWork } from '#database';
import { DomainError, type JsonValue, type OpContext } from '#kernel';
import { ChainPositionRepository } from '../infra/chain-position.repository.js';
import { LedgerStateSources } from './ledger-state-sources.js';

/** How many streams a process gives at once: each holds a connection while it lasts. */
const STREAMS = 4;

/**
 * Every resource of a tenant as its ledger tells it, from one snapshot, with the place in the chain that the snapshot stands
 * at: lines of JSON, first a header, last a line that says how many there were.
 */
@Injectable()
export class ReadLedgerStateQuery {
  private running = 0;

  constructor(
    private readonly uow: UnitOfWork,
    private readonly sources: LedgerStateSources,
    private readonly positions: ChainPositionRepository,
  ) {}

  /** The lines; what can be refused is refused before the first. @throws DomainError `TooManyStreams` */
  execute(ctx: OpContext): AsyncGenerator<Uint8Array> {
    requirePermission(ctx, 'ledger:read');
    if (this.running >= STREAMS) {
      throw new DomainError('unavailable', 'TooManyStreams', 'Other states are being read; try again in a moment.');
    }
    return this.counted(this.uow.stream(ctx, (tx) => this.lines(tx, ctx)));
  }

  private async *counted(lines: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
    this.running += 1;
    try {
      yield* lines;
    } finally {
      this.running -= 1;
    }
  }

  private async *lines(tx: Tx, ctx: OpContext): AsyncGenerator<Uint8Array> {
    const { tenantSeq, entryId, pending } = await this.positions.read(tx, ctx.tenantId);
    yield line({ type: 'freehold-state', v: 1, tenant: ctx.tenantId, tenantSeq, entryId, pending });
    let resources = 0;
    for (const source of this.sources.all()) {
      for await (const records of source.read(tx, ctx)) {
        resources += records.length;
        if (records.length > 0) {
          yield Buffer.concat(
            records.map(({ type, id, version, state }) =>
              line({ type: 'resource', resource: { type, id, version }, state }),
            ),
          );
        }
      }
    }
    yield line({ type: 'end', resources });
  }
}

function line(value: JsonValue): Uint8Array {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}
