export { BootstrapOperatorService, type OperatorCredentials } from './app/bootstrap-operator.service.js';
export { TenantContents } from './app/tenant-contents.js';
export { foldName } from './domain/fold-name.js';
export { DEFAULT_QUOTAS, type Quota } from './domain/quotas.js';
export { QuotaRepository } from './infra/quota.repository.js';
export { havingTags, TagRepository, type Tags } from './infra/tag.repository.js';
export { OperatorBootstrapModule, TenancyApiModule, TenantSharedModule } from './tenancy.module.js';
