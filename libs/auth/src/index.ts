export * from './api-key.js';
export * from './auth.guard.js';
export { AuthModule } from './auth.module.js';
export * from './authenticator.js';
export * from './authorize.js';
export * from './permissions.js';
export { RouteAudit } from './route-audit.js';
