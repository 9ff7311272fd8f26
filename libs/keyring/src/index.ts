export * from './command-kek.js';
export * from './file-kek.js';
export * from './kek.js';
export * from './keyring.errors.js';
export * from './keyring.js';
export * from './keyring.module.js';
export type {
  Ed25519Key,
  Secp256k1Key,
  ServiceKeyAlgorithm,
  ServiceKeyTypes,
  SymmetricKey,
} from './service-key.js';
export * from './service-keys.js';
