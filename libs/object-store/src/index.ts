export * from './directory-shard-store.js';
export * from './shard-store.errors.js';
export * from './shard-store.js';
