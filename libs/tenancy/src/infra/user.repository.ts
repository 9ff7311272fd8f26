import { Injectable } from '@nestjs/common';
import { type Page, type PageRequest, pageOfEntities, type Tx, translating } from '#database';
import { ConflictError, NotFoundError, type TenantId, type UserId } from '#kernel';
import { UserEntity } from './user.entity.js';

const nameTaken = () =>
  new ConflictError('UserNameTaken', 'Another user of this tenant has this name.', {
    errors: [
      { pointer: '/name', rule: 'user.name-unique', message: 'another user has this name', fix: 'choose another name' },
    ],
  });

@Injectable()
export class UserRepository {
  insert(tx: Tx, user: UserEntity): Promise<unknown> {
    return translating({ tenant_user_name_unique: nameTaken }, () => tx.manager.insert(UserEntity, user));
  }

  find(tx: Tx, tenantId: TenantId, id: UserId): Promise<UserEntity | null> {
    return tx.manager.findOneBy(UserEntity, { tenantId, id });
  }

  /** @throws NotFoundError */
  async get(tx: Tx, tenantId: TenantId, id: UserId): Promise<UserEntity> {
    const user = await this.find(tx, tenantId, id);
    if (!user) throw new NotFoundError('user', id);
    return user;
  }

  /** @throws NotFoundError */
  async lock(tx: Tx, tenantId: TenantId, id: UserId): Promise<UserEntity> {
    const user = await tx.manager.findOne(UserEntity, { where: { tenantId, id }, lock: { mode: 'pessimistic_write' } });
    if (!user) throw new NotFoundError('user', id);
    return user;
  }

  async save(tx: Tx, user: UserEntity): Promise<void> {
    const { id, tenantId, ...columns } = user;
    await translating({ tenant_user_name_unique: nameTaken }, () =>
      tx.manager.update(UserEntity, { id, tenantId }, columns),
    );
  }

  async delete(tx: Tx, user: UserEntity): Promise<void> {
    await tx.manager.delete(UserEntity, { tenantId: user.tenantId, id: user.id });
  }

  count(tx: Tx, tenantId: TenantId): Promise<number> {
    return tx.manager.countBy(UserEntity, { tenantId });
  }

  /** Users that hold a role, to make sure that one remains. */
  async othersWithRole(tx: Tx, user: UserEntity, role: string): Promise<number> {
    const [row] = await tx.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM tenant_user WHERE tenant_id = $1 AND id <> $2 AND $3 = ANY (roles)',
      [user.tenantId, user.id, role],
    );
    return row?.n ?? 0;
  }

  list(tx: Tx, tenantId: TenantId, page: PageRequest): Promise<Page<UserEntity>> {
    return pageOfEntities(tx, UserEntity, page, { tenantId });
  }
}
