import { Injectable } from '@nestjs/common';
import { SystemUnitOfWork } from '#database';
import { formatCheckpoint, verifyNote } from '#merkle';
import { nodeCrypto } from '#proof';
import { EpochLostError, type HeldLog } from '../domain/held-log.js';
import { LogRolledBackError } from '../domain/ledger.errors.js';
import { HeadFile } from '../infra/head-file.js';
import { LogRepository } from '../infra/log.repository.js';
import { LogIdentity } from '../infra/log-identity.js';

/**
 * Signs the head and publishes it, in this order: sign, verify the own signature, make the head file durable, only then
 * store the checkpoint where readers find it. A crash in between is mended by publishing the same head again.
 */
@Injectable()
export class PublishHeadService {
  constructor(
    private readonly uow: SystemUnitOfWork,
    private readonly log: LogRepository,
    private readonly headFile: HeadFile,
    private readonly identity: LogIdentity,
  ) {}

  /** Returns the log with its whole tree published. @throws EpochLostError, LogRolledBackError */
  async execute(held: HeldLog): Promise<HeldLog> {
    const head = { size: held.appender.size, root: held.root };
    const note = this.identity.signNote(formatCheckpoint({ origin: this.identity.origin, ...head, extensions: [] }));
    await verifyNote(note, [this.identity.key], nodeCrypto.ed25519Verify);
    await this.advanceFile(held.epoch, head.size, note);
    const published = await this.uow.run((tx) => this.log.publish(tx, head, note, held.epoch));
    if (!published) throw new EpochLostError(held.epoch);
    return { ...held, publishedSize: head.size };
  }

  /** The file never goes back: a process that was stopped and wakes must not undo a newer head. */
  private async advanceFile(epoch: number, size: number, note: string): Promise<void> {
    const known = await this.headFile.read();
    if (known && known.epoch > epoch) throw new EpochLostError(epoch);
    if (known && known.size > size) {
      throw new LogRolledBackError(`${known.source} has ${known.size} entries, more than the ${size} to be published`);
    }
    await this.headFile.write(epoch, note);
  }
}
