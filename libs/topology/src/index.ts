export { ReplayedVpc, replayEntries } from './replayed-vpc.js';
export * from './route-views.js';
export { claimsOf, type StateQuestion } from './state-claims.js';
export * from './state-document.js';
export * from './vpc-intent.js';
export * from './vpc-routes.js';
export * from './vpc-snapshot.js';
