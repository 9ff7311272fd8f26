export { type LedgerChange, LedgerWriter, type RecordAs } from './app/ledger-writer.js';
export { Sequencer, type SequencerState } from './app/sequencer.js';
export { TenantChains } from './app/tenant-chains.js';
export { AnchorDirectory } from './domain/anchor-directory.js';
export { LogCorruptError, LogRolledBackError } from './domain/ledger.errors.js';
export { AnchoredHeadSource, type LogHead } from './domain/rollback-guard.js';
export { LogIdentity } from './infra/log-identity.js';
export * from './ledger.module.js';
