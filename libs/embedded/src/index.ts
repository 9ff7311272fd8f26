export { ClusterPlaceError } from './cluster-place.js';
export { EmbeddedPostgres, type EmbeddedPostgresOptions, PostgresStartError } from './embedded-postgres.js';
export { freePort, isPortFree } from './free-port.js';
export { AccountError } from './postgres-account.js';
export { PostgresBinariesError } from './postgres-binaries.js';
export { readJsonIfThere, readOrCreatePrivateFile, writePrivateFile } from './private-file.js';
export { endProcess, identify, isAlive, isProcessIdentity, type ProcessIdentity } from './process-identity.js';
export type { RunningService, Service } from './service.js';
