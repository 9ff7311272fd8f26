export * from './vpc-intent.js';
export * from './vpc-routes.js';
export * from './vpc-snapshot.js';
