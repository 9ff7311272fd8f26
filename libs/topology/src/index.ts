export { parseStateDocument } from './parse-state-document.js';
export { ReplayedVpc, replayEntries } from './replayed-vpc.js';
export * from './route-views.js';
export { claimsOf, type StateQuestion } from './state-claims.js';
export * from './state-document.js';
export { verifyState } from './verify-state.js';
export * from './vpc-intent.js';
export * from './vpc-routes.js';
export * from './vpc-snapshot.js';
