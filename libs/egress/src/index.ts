export { EgressRefusedError } from './egress.errors.js';
export { Egress, type PostResult } from './egress.js';
export { EgressModule } from './egress.module.js';
