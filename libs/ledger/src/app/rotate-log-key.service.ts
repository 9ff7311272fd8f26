import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { UnitOfWork } from '#database';
import { failpoint, type LedgerEntryId, type OpContext } from '#kernel';
import { ServiceKeys } from '#keyring';
import { formatVkey, noteKey } from '#merkle';
import { endorseLogKey, LOG_KEY_RESOURCE, LOG_KEY_ROTATED, logKeyChange, nodeCrypto } from '#proof';
import { LogCorruptError, LogKeyRotationPendingError } from '../domain/ledger.errors.js';
import { LOG_KEY, LogIdentity } from '../infra/log-identity.js';
import { LogKeyRepository } from '../infra/log-key.repository.js';
import { LedgerWriter } from './ledger-writer.js';

/** A key that will sign once its entry is in the log. */
export interface StartedRotation {
  version: number;
  vkey: string;
  endorsement: string;
  entryId: LedgerEntryId;
}

/**
 * Changes the key of the log: draws one, has the key in force endorse it, and records that in the operator's chain, all in
 * one transaction. Which key signs a checkpoint follows from where that entry comes to stand, so no step is left that could
 * be missed.
 */
@Injectable()
export class RotateLogKeyService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly serviceKeys: ServiceKeys,
    private readonly identity: LogIdentity,
    private readonly logKeys: LogKeyRepository,
    private readonly ledger: LedgerWriter,
  ) {}

  /** @throws LogKeyRotationPendingError while the last rotation is not in the log */
  async execute(ctx: OpContext): Promise<StartedRotation> {
    const started = await this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'system:ledger:write');
      const newest = await this.logKeys.beginRotation(tx);
      if (!newest.settled) throw new LogKeyRotationPendingError();
      await this.identity.refresh();
      const old = this.identity.newest();
      if (old.secret.version !== newest.version) {
        throw new LogCorruptError(`the log's key ${newest.version} has no entry that brought it in`);
      }
      const version = newest.version + 1;
      const { key, sealed } = await this.serviceKeys.draw(LOG_KEY, 'ed25519', version);
      failpoint('rotate: drawn');
      const successor = noteKey(nodeCrypto.sha256, this.identity.origin, key.publicKey);
      const endorsement = endorseLogKey(old.key, (message) => old.secret.sign(message), successor);
      failpoint('rotate: endorsed');
      const vkey = formatVkey(successor);
      const { ledgerEntryId: entryId } = this.ledger.append(tx, {
        class: 'system',
        action: LOG_KEY_ROTATED,
        resource: { type: LOG_KEY_RESOURCE, id: `${LOG_KEY_RESOURCE}-${version}`, version },
        ...logKeyChange(old.key, successor, endorsement),
      });
      const rotation = { version, vkey, endorsement, entryId };
      await this.logKeys.add(tx, rotation, { publicKey: key.publicKey, sealed });
      failpoint('rotate: stored');
      return rotation as StartedRotation;
    });
    failpoint('rotate: committed');
    return started;
  }
}
