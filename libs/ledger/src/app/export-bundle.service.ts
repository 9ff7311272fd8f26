import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Tx, UnitOfWork } from '#database';
import type { OpContext } from '#kernel';
import { HASH_BYTES, TILE_WIDTH } from '#merkle';
import { BundleWriter, nodeCrypto, type StoredEvidence, vouchingOfBody, type WrittenEntry } from '#proof';
import { AnchorDirectory } from '../domain/anchor-directory.js';
import { LogCorruptError, LogEmptyError } from '../domain/ledger.errors.js';
import { EvidenceRepository } from '../infra/evidence.repository.js';
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
    private readonly evidence: EvidenceRepository,
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
    const proofs = await this.anchors.proofsOf(anchors);
    const writer = new BundleWriter(nodeCrypto);
    const { origin, vkey } = this.identity;
    const start = [
      writer.header({ origin, vkey, keys: await this.logKeys.linksUpTo(size), tenant: ctx.tenantId, size, entries }),
      ...heads.map((head) => writer.checkpoint(head.note)),
      ...anchors.map((anchor, at) => writer.anchor(anchor, proofs[at] ?? null)),
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
    const own = await this.uow.read(ctx, (tx: Tx) => this.opened(tx, first, end));
    if (!hashes || leaves.length !== width) throw new LogCorruptError(`leaves are missing from index ${first} on`);
    return leaves.map(({ index, leaf }, at) => {
      const hash = hashes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES);
      return writer.leaf(index, hash, leaf, own.get(index) ?? null);
    });
  }

  /** The tenant's own entries among some leaves, by index, with what is kept of the requests that they came of. */
  private async opened(tx: Tx, first: number, end: number): Promise<Map<number, WrittenEntry>> {
    const own = await this.entries.between(tx, first, end);
    const evidence = await this.evidence.stored(
      tx,
      own.flatMap(({ body }) => (body === null ? [] : [vouchingOfBody(body)])),
    );
    return new Map(own.map((entry) => [entry.place!.index, written(entry, evidence)]));
  }
}

function written({ id, place, body, salt }: OwnEntry, evidence: ReadonlyMap<string, StoredEvidence>): WrittenEntry {
  const seq = place!.tenantSeq;
  if (body === null || salt === null) return { id, seq, body: null };
  const vouched = vouchingOfBody(body);
  return { id, seq, body, salt, evidence: (vouched.mode === 'signed' && evidence.get(vouched.evidence)) || null };
}
