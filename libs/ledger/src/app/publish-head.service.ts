import { Injectable } from '@nestjs/common';
import { failpoint } from '#kernel';
import { verifyNote } from '#merkle';
import { nodeCrypto } from '#proof';
import { CheckpointGate } from '../domain/checkpoint-gate.js';
import { EpochLostError, type HeldLog } from '../domain/held-log.js';
import { LogRolledBackError } from '../domain/ledger.errors.js';
import { HeadFile } from '../infra/head-file.js';
import { LogIdentity } from '../infra/log-identity.js';

/**
 * Signs the head and publishes it, in this order: sign, verify the own signature, make the head file durable, only then
 * let it out: to where readers find it, or to the witnesses first. A crash in between is mended by publishing again.
 */
@Injectable()
export class PublishHeadService {
  constructor(
    private readonly gate: CheckpointGate,
    private readonly headFile: HeadFile,
    private readonly identity: LogIdentity,
  ) {}

  /** False while a head waits for witnesses: what comes meanwhile goes into the next one. */
  ready(): boolean {
    return this.gate.ready();
  }

  /** Returns the log with its whole tree published, or on its way there. @throws EpochLostError, LogRolledBackError */
  async execute(held: HeldLog): Promise<HeldLog> {
    const head = { size: held.appender.size, root: held.root };
    // The batch may have brought a new key in, which signs from this head on.
    await this.identity.refresh();
    failpoint('publish: keys known');
    const note = this.identity.signCheckpoint(head);
    failpoint('publish: signed');
    await verifyNote(note, [this.identity.keyFor(head.size)], nodeCrypto.ed25519Verify);
    failpoint('publish: verified');
    await this.advanceFile(held.epoch, head.size, note);
    failpoint('publish: durable outside');
    await this.gate.pass({ ...head, note, epoch: held.epoch });
    failpoint('publish: stored');
    return { ...held, publishedSize: head.size, note };
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

  /**
   * Puts the head file right: a process that was stopped between looking at the file and renaming its own over it, and woke
   * when another one had gone on, has put an older head there. It can do no more than that; the log's holder mends it.
   */
  async keepFile({ epoch, publishedSize, note }: HeldLog): Promise<void> {
    const known = await this.headFile.read();
    if (!note || (known && (known.epoch >= epoch || known.size > publishedSize))) return;
    await this.headFile.write(epoch, note);
  }
}
