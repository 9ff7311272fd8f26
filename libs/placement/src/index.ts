export * from './murmur-hash.js';
export * from './place-stripe.js';
export * from './placement.errors.js';
export * from './rendezvous.js';
export * from './storage-node.js';
