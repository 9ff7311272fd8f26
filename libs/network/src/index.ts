export { VPC_TOPIC } from './app/network-changes.js';
export { VpcIntentQuery } from './app/vpc-intent.query.js';
export { VpcRealization } from './app/vpc-realization.js';
export type { Realization } from './infra/vpc.entity.js';
export { NetworkApiModule, type NetworkModuleOptions } from './network.module.js';
export { NetworkIntentModule } from './network-intent.module.js';
