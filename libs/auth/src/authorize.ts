import { ForbiddenError, type OpContext } from '#kernel';
import type { Permission } from './permissions.js';

/**
 * The check beside the query. The route's guard asks the same question first; this one holds when a use case is reached by
 * another way. @throws ForbiddenError
 */
export function requirePermission(ctx: OpContext, permission: Permission): void {
  if (!ctx.permissions.has(permission)) throw new ForbiddenError(permission);
}
