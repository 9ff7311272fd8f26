export { type AnchorFork, anchorForkOf } from './anchor-fork.js';
export {
  type AnchorPromise,
  type AnchorPromiseTerms,
  anchorPromiseDigest,
  anchorPromiseOf,
  describeAnchorPromise,
  parseAnchorPromise,
  verifyAnchorPromise,
} from './anchor-promise.js';
export {
  type AnchorProof,
  type AnchorProofReport,
  parseAnchorProof,
  REGISTRY_CODE_HASHES,
  rootSlot,
  type VerifyAnchorProofOptions,
  verifyAnchorProof,
} from './anchor-proof.js';
export { type AnchorRecord, parseAnchorRecord } from './anchor-record.js';
export { hasHash, parseBlockHeader } from './block-header.js';
export * from './broken-promise.js';
export type { VerifiedEntry } from './bundle-entries-check.js';
export { BundleWriter, type WrittenEntry } from './bundle-format.js';
export * from './content-digest.js';
export * from './disclosure.js';
export type { ChainedEvidence, StoredEvidence } from './entry-evidence.js';
export { type EntryOpening, GENESIS_ACTION, openLeaf } from './entry-opening.js';
export * from './equivocation.js';
export * from './evidence.js';
export { checkEvidenceJob, type EvidenceChecker, type EvidenceJob, type EvidenceVerdict } from './evidence-check.js';
export { anchorLogId } from './evm-primitives.js';
export * from './history-audit.js';
export { type JsonDifference, jsonDifferences } from './json-difference.js';
export {
  ENTRY_CLASSES,
  type EntryClass,
  encodeBody,
  type JsonObject,
  type LedgerBody,
  MAX_BODY_BYTES,
  parseBody,
  type Vouching,
  vouchingOfBody,
} from './ledger-body.js';
export * from './ledger-leaf.js';
export { readLedgerState, type StateHeader, type StateLine } from './ledger-state.js';
export type { LogTrust } from './log-head-check.js';
export * from './log-keys.js';
export * from './node-crypto.js';
export * from './promise.js';
export * from './proof-crypto.js';
export { buildReceipt, parseReceipt, type Receipt, type ReceiptInput } from './receipt.js';
export * from './replay.js';
export { ERASED_ACTION, RESOURCE_RULES, type ResourceRule, ruleOf } from './replay-rules.js';
export { checkEffect, type Effect, effectRuleOf, MAX_SIGNATURE_AGE_SECONDS } from './request-effect.js';
export * from './signature-input.js';
export * from './signed-request-use.js';
export { mustBeSigned } from './signing-demand.js';
export * from './signing-key-link.js';
export * from './state-comparison.js';
export { parseValidatorSet, type ValidatorSet } from './validator-set.js';
export type { Failure, StepName, VerificationReport, VerificationStep } from './verification.js';
export * from './verify-bundle.js';
export * from './verify-log.js';
export * from './verify-receipt.js';
export * from './witness-policy.js';
