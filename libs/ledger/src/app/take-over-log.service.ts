import { Inject, Injectable, Logger, Optional } from '@nestjs/common';
import { SystemUnitOfWork, type Tx } from '#database';
import { failpoint } from '#kernel';
import { equalBytes, TileTree, TreeAppender, TreeHasher } from '#merkle';
import { nodeCrypto } from '#proof';
import { type HeldLog, LEASE_SECONDS } from '../domain/held-log.js';
import { LogCorruptError, LogRolledBackError } from '../domain/ledger.errors.js';
import { AnchoredHeadSource, type KnownHead, requireContinuation } from '../domain/rollback-guard.js';
import { HeadFile } from '../infra/head-file.js';
import { LogRepository, type StoredHead } from '../infra/log.repository.js';
import { LogIdentity } from '../infra/log-identity.js';

/**
 * Makes this process the one that writes the log, when nobody holds it: starts a new epoch, loads the edge of the tree and
 * holds it against every head known outside the database. Nothing is signed for a log that does not continue them.
 */
@Injectable()
export class TakeOverLogService {
  private readonly logger = new Logger(TakeOverLogService.name);
  private readonly hasher = new TreeHasher(nodeCrypto.sha256);

  constructor(
    private readonly uow: SystemUnitOfWork,
    private readonly log: LogRepository,
    private readonly headFile: HeadFile,
    private readonly identity: LogIdentity,
    @Optional() @Inject(AnchoredHeadSource) private readonly anchors?: AnchoredHeadSource,
  ) {}

  /**
   * Null while another sequencer holds the log.
   * @throws LogRolledBackError, LogCorruptError
   */
  async execute(holder: string): Promise<HeldLog | null> {
    if (!(await this.uow.run((tx) => this.log.mayTakeOver(tx, holder)))) return null;
    await this.identity.refresh();
    const outside = await this.outsideHeads();
    failpoint('take-over: outside heads read');
    const held = await this.uow.run(async (tx) => {
      const head = await this.log.lockHead(tx);
      if (!head || !(head.free || head.holder === holder)) return null;
      const appender = await TreeAppender.load(this.hasher, head.size, (tile) => this.log.readTile(tx, tile));
      if (!equalBytes(appender.root(), head.root)) {
        throw new LogCorruptError('the stored tiles do not hash to the stored head');
      }
      const published = await this.log.newestCheckpoint(tx);
      if (published && head.size > 0) this.requireOutsideHead(outside);
      const inside = published ? [{ source: 'the newest published checkpoint', ...published }] : [];
      await this.requireAll(tx, head, [...outside, ...inside]);
      failpoint('take-over: continuation checked');
      const epoch = await this.log.takeOver(tx, holder, LEASE_SECONDS);
      failpoint('take-over: epoch begun');
      const publishedSize = published?.size ?? 0;
      return { epoch, appender, root: head.root, publishedSize, note: null, viewKeys: new Map() };
    });
    failpoint('take-over: committed');
    return held;
  }

  private async requireAll(tx: Tx, head: StoredHead, known: KnownHead[]): Promise<void> {
    const tree = new TileTree(this.hasher, head.size, (tile) => this.log.readTile(tx, tile));
    for (const one of known) await requireContinuation(one, head, (size) => tree.root(size));
  }

  private async outsideHeads(): Promise<KnownHead[]> {
    const heads: KnownHead[] = [];
    const file = await this.headFile.read();
    if (file) heads.push(file);
    const anchored = await this.anchoredHead();
    if (anchored) heads.push({ source: 'the anchored head', ...anchored });
    return heads;
  }

  /** A chain that cannot be asked must not stop the log; the head file stands guard alone then. */
  private async anchoredHead() {
    try {
      return (await this.anchors?.anchoredHead()) ?? null;
    } catch (error) {
      this.logger.warn(`the anchored head cannot be read: ${error instanceof Error ? error.message : 'unknown'}`);
      return null;
    }
  }

  /** Without any outside head, a restored older copy would be continued, and the log would sign two histories. */
  private requireOutsideHead(outside: KnownHead[]): void {
    if (outside.length > 0) return;
    throw new LogRolledBackError(
      `the head file ${this.headFile.path} is missing and nothing is anchored, so a restored older database would not be ` +
        `noticed; put the file back, or write {"v":1,"epoch":0,"checkpoint":"..."} with the newest checkpoint anyone kept`,
    );
  }
}
