import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { Outbox, type Tx, UnitOfWork } from '#database';
import { SegmentsRoot, type SignedManifest, type VerifiedManifest, verifyManifest } from '#dataset';
import type { MigrationId, OpContext } from '#kernel';
import { LedgerWriter } from '#ledger';
import { ManifestRefusedError } from '../domain/migration.errors.js';
import { afterEvent } from '../domain/migration-state.js';
import type { DatasetEntity } from '../infra/dataset.entity.js';
import { DatasetRepository } from '../infra/dataset.repository.js';
import { ManifestRepository } from '../infra/manifest.repository.js';
import type { MigrationEntity } from '../infra/migration.entity.js';
import { MigrationRepository } from '../infra/migration.repository.js';
import { SegmentRepository } from '../infra/segment.repository.js';
import { migrationRecord } from './migration-records.js';
import { topicKey, VERIFICATION_TOPIC } from './topics.js';

const SEGMENT_PAGE = 1000;

@Injectable()
export class SubmitManifestService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly datasets: DatasetRepository,
    private readonly migrations: MigrationRepository,
    private readonly manifests: ManifestRepository,
    private readonly segments: SegmentRepository,
    private readonly ledger: LedgerWriter,
    private readonly outbox: Outbox,
  ) {}

  /**
   * Takes the signed manifest of a migration and checks every word of it against what the server holds: signer, key,
   * version, chain of content roots, and the root over all segment records. The migration then waits for its segments to be
   * placed, and only then is the content root recorded. Sending the same manifest again changes nothing.
   * @throws ManifestRefusedError naming what differs; CorruptDatasetError, UntrustedSignatureError
   */
  execute(ctx: OpContext, id: MigrationId, manifest: SignedManifest): Promise<MigrationEntity> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'migration:write');
      const { datasetId } = await this.migrations.get(tx, ctx.tenantId, id);
      const dataset = await this.datasets.lock(tx, ctx.tenantId, datasetId);
      const migration = await this.migrations.lock(tx, ctx.tenantId, id);
      const verified = verifyManifest(manifest, dataset.keySigner ? [dataset.keySigner] : []);
      if (await this.isSubmitted(tx, migration, verified)) return migration;
      await this.requirePlace(tx, dataset, migration, verified);
      await this.requireSegments(tx, dataset, verified);
      const { version } = verified.statement;
      await this.manifests.submit(tx, {
        tenantId: ctx.tenantId,
        datasetId,
        version,
        migrationId: id,
        statement: Buffer.from(manifest.statement),
        signature: Buffer.from(manifest.signature),
        signer: verified.signer,
        contentRoot: verified.contentRoot,
      });
      const before = migrationRecord(migration);
      Object.assign(migration, {
        state: afterEvent(id, migration.state, 'submit'),
        manifestVersion: version,
        version: migration.version + 1,
      });
      await this.migrations.save(tx, migration);
      this.ledger.append(tx, {
        class: 'migration',
        action: 'migration.manifest-submitted',
        resource: { type: 'migration', id, version: migration.version },
        scopeId: datasetId,
        before,
        after: migrationRecord(migration),
      });
      this.outbox.add(tx, { topic: VERIFICATION_TOPIC, key: topicKey(ctx.tenantId, id) });
      return migration;
    });
  }

  private async isSubmitted(tx: Tx, migration: MigrationEntity, { contentRoot }: VerifiedManifest): Promise<boolean> {
    if (!['verifying', 'ready'].includes(migration.state) || migration.manifestVersion === null) return false;
    const { tenantId, datasetId, manifestVersion } = migration;
    const submitted = await this.manifests.find(tx, tenantId, datasetId, manifestVersion);
    return submitted?.contentRoot.equals(contentRoot) ?? false;
  }

  /** The statement is of this tenant, dataset, migration and key, and continues the version that is committed. */
  private async requirePlace(
    tx: Tx,
    dataset: DatasetEntity,
    migration: MigrationEntity,
    { statement }: VerifiedManifest,
  ): Promise<void> {
    const current =
      dataset.manifestVersion === null
        ? null
        : await this.manifests.committed(tx, dataset.tenantId, dataset.id, dataset.manifestVersion);
    const expected = {
      tenant: dataset.tenantId,
      dataset: dataset.id,
      migration: migration.id,
      keyCheck: dataset.keyCheck?.toString('hex'),
      version: (current?.version ?? 0) + 1,
      previous: current?.contentRoot.toString('hex') ?? null,
    };
    for (const [member, value] of Object.entries(expected)) {
      const stated = statement[member as keyof typeof expected];
      if (stated !== value) {
        throw new ManifestRefusedError(
          member,
          `its ${member} is ${stated}, not ${value}`,
          'make the manifest anew from what the server holds now',
        );
      }
    }
  }

  private async requireSegments(tx: Tx, dataset: DatasetEntity, { statement }: VerifiedManifest): Promise<void> {
    const { ranges, count, bytes, root } = statement.segments;
    const known = new SegmentsRoot();
    const trees: number[] = [];
    let size = 0;
    for (let from = 0; ; ) {
      const page = await this.segments.inRanges(tx, dataset.tenantId, dataset.id, ranges, from, SEGMENT_PAGE);
      for (const { ordinal, record } of page) {
        known.add(record);
        size += record.size;
        if (record.kind === 'tree') trees.push(ordinal);
      }
      if (page.length < SEGMENT_PAGE) break;
      from = page.at(-1)!.ordinal + 1;
    }
    const refuse = (rule: string, detail: string) =>
      new ManifestRefusedError(rule, detail, 'announce and upload every segment before the manifest is signed');
    if (known.count !== count) throw refuse('segments', `it has ${count} segments, of which ${known.count} are known`);
    if (size !== bytes) throw refuse('bytes', `its segments have ${bytes} bytes, the announced ones ${size}`);
    if (known.digest().toString('hex') !== root)
      throw refuse('root', 'its segments root is not that of the announced records');
    if (trees.join() !== [...statement.tree.segments].sort((a, b) => a - b).join()) {
      throw refuse('tree', 'its tree segments are not those that were announced as such');
    }
  }
}
