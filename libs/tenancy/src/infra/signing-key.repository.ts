import { Injectable } from '@nestjs/common';
import { IsNull } from 'typeorm';
import { type Page, type PageRequest, pageOfEntities, type Tx, translating } from '#database';
import { ConflictError, NotFoundError, type SigningKeyId, type TenantId, type UserId } from '#kernel';
import { SigningKeyEntity } from './signing-key.entity.js';

const idTaken = () =>
  new ConflictError('SigningKeyIdTaken', 'Your tenant has a signing key of this id.', {
    errors: [
      {
        pointer: '/id',
        rule: 'signing-key.id-unique',
        message: 'another signing key has this id',
        fix: 'draw another id, and sign the statement anew',
      },
    ],
  });

const keyTaken = () =>
  new ConflictError('SigningKeyEnrolled', 'Your tenant has enrolled this public key already.', {
    errors: [
      {
        pointer: '/publicKey',
        rule: 'signing-key.key-unique',
        message: 'this public key is enrolled, or was',
        fix: 'make a new key pair: one key is one signing key',
      },
    ],
  });

@Injectable()
export class SigningKeyRepository {
  insert(tx: Tx, key: SigningKeyEntity): Promise<unknown> {
    return translating({ signing_key_pkey: idTaken, signing_key_public_key_unique: keyTaken }, () =>
      tx.manager.insert(SigningKeyEntity, key),
    );
  }

  find(tx: Tx, tenantId: TenantId, id: SigningKeyId): Promise<SigningKeyEntity | null> {
    return tx.manager.findOneBy(SigningKeyEntity, { tenantId, id });
  }

  /** @throws NotFoundError */
  async get(tx: Tx, tenantId: TenantId, id: SigningKeyId): Promise<SigningKeyEntity> {
    const key = await this.find(tx, tenantId, id);
    if (!key) throw new NotFoundError('signing key', id);
    return key;
  }

  /** @throws NotFoundError */
  async lock(tx: Tx, tenantId: TenantId, id: SigningKeyId): Promise<SigningKeyEntity> {
    const key = await tx.manager.findOne(SigningKeyEntity, {
      where: { tenantId, id },
      lock: { mode: 'pessimistic_write' },
    });
    if (!key) throw new NotFoundError('signing key', id);
    return key;
  }

  /** What can change of a key: that it is revoked. */
  async save(tx: Tx, { tenantId, id, revokedAt, version }: SigningKeyEntity): Promise<void> {
    await tx.manager.update(SigningKeyEntity, { tenantId, id }, { revokedAt, version });
  }

  count(tx: Tx, tenantId: TenantId): Promise<number> {
    return tx.manager.countBy(SigningKeyEntity, { tenantId });
  }

  /** Keys that are not revoked, of one user or of all. */
  active(tx: Tx, tenantId: TenantId, userId?: UserId): Promise<SigningKeyEntity[]> {
    return tx.manager.find(SigningKeyEntity, {
      where: { tenantId, revokedAt: IsNull(), ...(userId === undefined ? {} : { userId }) },
      order: { id: 'ASC' },
    });
  }

  list(tx: Tx, tenantId: TenantId, page: PageRequest): Promise<Page<SigningKeyEntity>> {
    return pageOfEntities(tx, SigningKeyEntity, page, { tenantId });
  }
}
