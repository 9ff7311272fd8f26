import { Injectable } from '@nestjs/common';
import { type Tx, UnitOfWork } from '#database';
import type { OpContext } from '#kernel';
import { type Tile, TileTree, TreeHasher } from '#merkle';
import { buildDisclosure, type ChainedEvidence, type Disclosure, nodeCrypto, parseBody } from '#proof';
import { AnchorDirectory } from '../domain/anchor-directory.js';
import { LogCorruptError, LogEmptyError } from '../domain/ledger.errors.js';
import { EvidenceRepository } from '../infra/evidence.repository.js';
import { LogIdentity } from '../infra/log-identity.js';
import { OpenLogRepository } from '../infra/open-log.repository.js';
import type { OwnEntry } from '../infra/own-entry.repository.js';
import { LogKeyQueries } from './log-key.queries.js';

/** Proves several entries of one tenant at once, under one checkpoint. */
@Injectable()
export class EntryProofs {
  private readonly hasher = new TreeHasher(nodeCrypto.sha256);

  constructor(
    private readonly uow: UnitOfWork,
    private readonly log: OpenLogRepository,
    private readonly logKeys: LogKeyQueries,
    private readonly anchors: AnchorDirectory,
    private readonly evidence: EvidenceRepository,
    private readonly identity: LogIdentity,
  ) {}

  /** Entries that were erased are left out: nothing of them is left to show. @throws LogEmptyError */
  async of(
    ctx: OpContext,
    entries: readonly OwnEntry[],
    { withEvidence }: { withEvidence: boolean } = { withEvidence: true },
  ): Promise<Disclosure> {
    const whole = entries.filter(isWhole);
    const last = Math.max(0, ...whole.map((entry) => entry.place.index));
    const anchor = await this.anchors.covering(last);
    const [head] = anchor ? await this.log.heads([anchor.size]) : [await this.log.newestHead()];
    if (!head || head.size <= last) throw new LogEmptyError();
    const [anchorProof = null] = anchor ? await this.anchors.proofsOf([anchor]) : [];
    const tree = this.treeOf(head.size);
    const evidence = withEvidence ? await this.evidenceOf(ctx, whole) : new Map<string, ChainedEvidence>();
    const proven = [];
    for (const { id, body, salt, place } of whole) {
      const { index, tenantSeq, prevHash, leaf } = place;
      proven.push({
        opening: { entryId: id, body, salt, tenantSeq, prevHash },
        leaf,
        index,
        inclusionProof: await tree.inclusionProof(index),
        evidence: evidence.get(id) ?? null,
      });
    }
    return buildDisclosure({
      log: { origin: this.identity.origin, vkey: this.identity.vkey },
      keys: await this.logKeys.linksUpTo(head.size),
      tenant: ctx.tenantId,
      checkpoint: head.note,
      anchor,
      anchorProof,
      entries: proven,
    });
  }

  /** What proves who made them, by entry. */
  private async evidenceOf(ctx: OpContext, entries: readonly WholeEntry[]): Promise<Map<string, ChainedEvidence>> {
    const signed = entries.flatMap(({ id, body }) => {
      const { vouched } = parseBody(body);
      return vouched.mode === 'signed' ? [{ id, vouched }] : [];
    });
    if (signed.length === 0) return new Map();
    const found = await this.uow.read(ctx, (tx: Tx) =>
      this.evidence.withChains(
        tx,
        signed.map(({ vouched }) => vouched),
      ),
    );
    return new Map(
      signed.flatMap(({ id, vouched }) => {
        const evidence = found.get(vouched.evidence);
        return evidence ? [[id, evidence] as const] : [];
      }),
    );
  }

  /** Tiles are read once, however many proofs need them. */
  private treeOf(size: number): TileTree {
    const tiles = new Map<string, Promise<Uint8Array>>();
    return new TileTree(this.hasher, size, (tile) => {
      const name = `${tile.level}/${tile.index}/${tile.width}`;
      const hashes = tiles.get(name) ?? this.tile(tile, name);
      tiles.set(name, hashes);
      return hashes;
    });
  }

  private async tile(tile: Tile, name: string): Promise<Uint8Array> {
    const hashes = await this.log.tile(tile);
    if (!hashes) throw new LogCorruptError(`tile ${name} is narrower than the published tree`);
    return hashes;
  }
}

type WholeEntry = OwnEntry & { body: Uint8Array; salt: Uint8Array; place: NonNullable<OwnEntry['place']> };

function isWhole(entry: OwnEntry): entry is WholeEntry {
  return entry.body !== null && entry.salt !== null && entry.place !== null;
}
