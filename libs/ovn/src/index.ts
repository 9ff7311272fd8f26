export * from './insert-operations.js';
export * from './names.js';
export * from './northbound.js';
