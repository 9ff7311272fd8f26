import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import type { Blocker, TenantId } from '#kernel';

/** Says what of one feature a tenant still has; runs as that tenant. */
export type TenantContentsLister = (tx: Tx, tenantId: TenantId) => Promise<Blocker[]>;

/** Where features register what keeps a tenant from being deleted, so that tenancy need not know them. */
@Injectable()
export class TenantContents {
  private readonly listers: TenantContentsLister[] = [];

  register(lister: TenantContentsLister): void {
    this.listers.push(lister);
  }

  async blockers(tx: Tx, tenantId: TenantId): Promise<Blocker[]> {
    const found: Blocker[] = [];
    for (const lister of this.listers) found.push(...(await lister(tx, tenantId)));
    return found;
  }
}
