import { type CanActivate, type ExecutionContext, Injectable, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ForbiddenError } from '#kernel';
import { Authenticator, type Principal } from './authenticator.js';
import type { Permission } from './permissions.js';

const PERMISSION = 'freehold:permission';

/** What a route demands; `public` is said, never assumed. */
export type RoutePermission = Permission | 'public';

export const RequirePermission = (permission: RoutePermission) => SetMetadata(PERMISSION, permission);

/** The permission that a handler declares, or undefined: then the boot stops. */
export function declaredPermission(handler: object): RoutePermission | undefined {
  return Reflect.getMetadata(PERMISSION, handler) as RoutePermission | undefined;
}

/** A request after the guard. */
export interface AuthenticatedRequest {
  headers: { authorization?: string };
  principal?: Principal;
  /** The key that the request says it is signed with; whether it is, is checked behind this guard. */
  signingKeyId?: string;
}

/** Deny by default. Global (APP_GUARD), because path middleware on Fastify has been bypassed more than once. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const permission = this.reflector.get<RoutePermission | undefined>(PERMISSION, context.getHandler());
    if (permission === 'public') return true;
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    request.principal = await this.authenticator.authenticate(
      request.headers.authorization,
      request.signingKeyId ?? null,
    );
    if (permission === undefined || !request.principal.permissions.has(permission)) {
      throw new ForbiddenError(permission ?? 'undeclared');
    }
    return true;
  }
}
