export {
  ENTRY_CLASSES,
  type EntryClass,
  encodeBody,
  type JsonObject,
  type LedgerBody,
  MAX_BODY_BYTES,
  parseBody,
} from './ledger-body.js';
export * from './ledger-leaf.js';
export * from './node-crypto.js';
export * from './promise.js';
export * from './proof-crypto.js';
