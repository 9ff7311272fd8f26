export { ProvisioningApiModule, ProvisioningWorkerModule } from './provisioning.module.js';
