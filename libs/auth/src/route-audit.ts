import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { declaredPermission } from './auth.guard.js';
import { isPermission } from './permissions.js';

/** Nest's own key for "this method is a route". */
const ROUTE_PATH = 'path';

/** Ends the boot when a route declares no permission, or one that does not exist. */
@Injectable()
export class RouteAudit implements OnApplicationBootstrap {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  onApplicationBootstrap(): void {
    const undeclared: string[] = [];
    for (const { instance, metatype } of this.discovery.getControllers()) {
      if (!instance || !metatype) continue;
      const prototype = Object.getPrototypeOf(instance) as Record<string, object>;
      for (const name of this.scanner.getAllMethodNames(prototype)) {
        const handler = prototype[name];
        if (!handler || !Reflect.hasMetadata(ROUTE_PATH, handler)) continue;
        const permission = declaredPermission(handler);
        if (permission !== 'public' && !(permission && isPermission(permission)))
          undeclared.push(`${metatype.name}.${name}`);
      }
    }
    if (undeclared.length > 0) {
      throw new Error(
        `routes without a declared permission: ${undeclared.join(', ')}; add one with @Endpoint({ permission })`,
      );
    }
  }
}
