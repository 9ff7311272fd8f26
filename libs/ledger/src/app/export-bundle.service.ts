import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Tx, UnitOfWork } from '#database';
import type { OpContext } from '#kernel';
import { HASH_BYTES, TILE_WIDTH } from '#merkle';
import { BundleWriter, nodeCrypto, type WrittenEntry } from '#proof';
import { AnchorDirectory } from '../domain/anchor-directory.js';
import { LogCorruptError, LogEmptyError } from '../domain/ledger.errors.js';
import { LogIdentity } from '../infra/log-identity.js';
import { OpenLogRepository, type PublishedHead } from '../infra/open-log.repository.js';
import { type OwnEntry, OwnEntryRepository } from '../infra/own-entry.repository.js';
import { LogKeyQueries } from './log-key.queries.js';

/** How many anchors, the newest ones, a bundle carries with their checkpoints. */
const MAX_ANCHORS = 256;

export interface ExportBundle {
  /** Up to the newest anchored checkpoint, and not to the newest published one. */
  anchoredOnly: boolean;
}

/**
 * Writes the audit bundle of a tenant: the open log up to a published checkpoint and the tenant's own entries. Reads tile by
 * tile, each in a transaction of its own, so that a slow reader holds nothing; what was published never changes.
 */
@Injectable()
export class ExportBundleService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly entries: OwnEntryRepository,
    private readonly log: OpenLogRepository,
    private readonly anchors: AnchorDirectory,
    private readonly identity: LogIdentity,
    private readonly logKeys: LogKeyQueries,
  ) {}

  /** The bundle's bytes in chunks. What can be refused is refused before the first of them. @throws LogEmptyError */
  async execute(ctx: OpContext, { anchoredOnly }: ExportBundle): Promise<AsyncGenerator<Uint8Array>> {
    requirePermission(ctx, 'ledger:read');
    const newest = await this.log.newestHead();
    const anchors = newest ? await this.anchors.upTo(newest.size, MAX_ANCHORS) : [];
    const size = anchoredOnly ? anchors.at(-1)?.size : newest?.size;
    if (size === undefined) throw new LogEmptyError();
    const heads = await this.log.heads([...anchors.map((anchor) => anchor.size), size]);
    const entries = await this.uow.read(ctx, (tx: Tx) => this.entries.countWithin(tx, size));
    const writer = new BundleWriter(nodeCrypto);
    const { origin, vkey } = this.identity;
    const start = [
      writer.header({ origin, vkey, keys: await this.logKeys.linksUpTo(size), tenant: ctx.tenantId, size, entries }),
      ...heads.map((head) => writer.checkpoint(head.note)),
      ...anchors.map((anchor) => writer.anchor(anchor, null)),
    ];
    return this.lines(ctx, writer, start, heads.at(-1)!);
  }

  private async *lines(
    ctx: OpContext,
    writer: BundleWriter,
    start: Uint8Array[],
    { size }: PublishedHead,
  ): AsyncGenerator<Uint8Array> {
    yield Buffer.concat(start);
    for (let first = 0; first < size; first += TILE_WIDTH) {
      yield Buffer.concat(await this.leafLines(ctx, writer, first, Math.min(size, first + TILE_WIDTH)));
    }
    yield writer.trailer();
  }

  private async leafLines(ctx: OpContext, writer: BundleWriter, first: number, end: number): Promise<Uint8Array[]> {
    const width = end - first;
    const hashes = await this.log.tile({ level: 0, index: first / TILE_WIDTH, width });
    const leaves = await this.log.leaves(first, end);
    const own = await this.uow.read(ctx, (tx: Tx) => this.entries.between(tx, first, end));
    if (!hashes || leaves.length !== width) throw new LogCorruptError(`leaves are missing from index ${first} on`);
    const opened = new Map(own.map((entry) => [entry.place!.index, entry]));
    return leaves.map(({ index, leaf }, at) => {
      const entry = opened.get(index);
      const hash = hashes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES);
      return writer.leaf(index, hash, leaf, entry ? written(entry) : null);
    });
  }
}

function written({ id, place, body, salt }: OwnEntry): WrittenEntry {
  const seq = place!.tenantSeq;
  return body === null || salt === null ? { id, seq, body: null } : { id, seq, body, salt, evidence: null };
}
