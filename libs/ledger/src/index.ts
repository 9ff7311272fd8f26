export { type LedgerChange, LedgerWriter, type RecordAs } from './app/ledger-writer.js';
export { TenantChains } from './app/tenant-chains.js';
export { LogIdentity } from './infra/log-identity.js';
export * from './ledger.module.js';
