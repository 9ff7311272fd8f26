export { VPC_TOPIC } from './app/network-changes.js';
export * from './domain/vpc-intent.js';
export { NetworkApiModule, type NetworkModuleOptions } from './network.module.js';
