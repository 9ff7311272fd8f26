export * from './chunker.js';
export * from './erasure.errors.js';
export * from './galois-kernel.js';
export * from './gear-table.js';
export * from './reed-solomon.js';
export * from './shard-tree.js';
