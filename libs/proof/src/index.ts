export { type AnchorRecord, parseAnchorRecord } from './anchor-record.js';
export { BundleWriter } from './bundle-format.js';
export * from './content-digest.js';
export { type EntryOpening, GENESIS_ACTION, openLeaf } from './entry-opening.js';
export * from './evidence.js';
export {
  ENTRY_CLASSES,
  type EntryClass,
  encodeBody,
  type JsonObject,
  type LedgerBody,
  MAX_BODY_BYTES,
  parseBody,
  type Vouching,
} from './ledger-body.js';
export * from './ledger-leaf.js';
export * from './node-crypto.js';
export * from './promise.js';
export * from './proof-crypto.js';
export * from './receipt.js';
export * from './signature-input.js';
export * from './signing-key-link.js';
export type { VerificationReport, VerificationStep } from './verification.js';
export * from './verify-bundle.js';
export * from './witness-policy.js';
