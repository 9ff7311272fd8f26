import { Module, type OnModuleInit } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuthModule } from '#auth';
import { LedgerStateSources } from '#ledger';
import { ApiKeysController } from './api/api-keys.controller.js';
import { OwnTenantController } from './api/own-tenant.controller.js';
import { SignaturePolicyController } from './api/signature-policy.controller.js';
import { SigningKeysController } from './api/signing-keys.controller.js';
import { TenantsController } from './api/tenants.controller.js';
import { UsersController } from './api/users.controller.js';
import { BootstrapOperatorService } from './app/bootstrap-operator.service.js';
import { ChangeTenantService } from './app/change-tenant.service.js';
import { CreateApiKeyService } from './app/create-api-key.service.js';
import { CreateTenantService } from './app/create-tenant.service.js';
import { EnrolSigningKeyService } from './app/enrol-signing-key.service.js';
import { ManageUsersService } from './app/manage-users.service.js';
import { RevokeApiKeyService } from './app/revoke-api-key.service.js';
import { RevokeSigningKeyService } from './app/revoke-signing-key.service.js';
import { SetQuotaService } from './app/set-quota.service.js';
import { SetSignaturePolicyService } from './app/set-signature-policy.service.js';
import { SigningQueries } from './app/signing.queries.js';
import { TenancyQueries } from './app/tenancy.queries.js';
import { TenancyStateSource } from './app/tenancy-state.source.js';
import { TenantContents } from './app/tenant-contents.js';
import { ApiKeyEntity } from './infra/api-key.entity.js';
import { ApiKeyRepository } from './infra/api-key.repository.js';
import { QuotaRepository } from './infra/quota.repository.js';
import { SignaturePolicyEntity } from './infra/signature-policy.entity.js';
import { SignaturePolicyRepository } from './infra/signature-policy.repository.js';
import { SigningKeyEntity } from './infra/signing-key.entity.js';
import { SigningKeyRepository } from './infra/signing-key.repository.js';
import { TagRepository } from './infra/tag.repository.js';
import { TenantEntity } from './infra/tenant.entity.js';
import { TenantRepository } from './infra/tenant.repository.js';
import { UserEntity } from './infra/user.entity.js';
import { UserRepository } from './infra/user.repository.js';

const entities = TypeOrmModule.forFeature([
  TenantEntity,
  UserEntity,
  ApiKeyEntity,
  SigningKeyEntity,
  SignaturePolicyEntity,
]);
const repositories = [
  TenantRepository,
  UserRepository,
  ApiKeyRepository,
  SigningKeyRepository,
  SignaturePolicyRepository,
];

/** Quotas and tags, which every feature's resources use. */
@Module({
  providers: [QuotaRepository, TagRepository, TenantContents],
  exports: [QuotaRepository, TagRepository, TenantContents],
})
export class TenantSharedModule {}

/** Tenants, users and keys over HTTP: for the API process. */
@Module({
  imports: [entities, AuthModule, TenantSharedModule],
  controllers: [
    TenantsController,
    OwnTenantController,
    UsersController,
    ApiKeysController,
    SigningKeysController,
    SignaturePolicyController,
  ],
  providers: [
    ...repositories,
    CreateTenantService,
    ChangeTenantService,
    SetQuotaService,
    ManageUsersService,
    CreateApiKeyService,
    RevokeApiKeyService,
    EnrolSigningKeyService,
    RevokeSigningKeyService,
    SetSignaturePolicyService,
    SigningQueries,
    TenancyQueries,
    TenancyStateSource,
  ],
  exports: [TenantSharedModule],
})
export class TenancyApiModule implements OnModuleInit {
  constructor(
    private readonly states: LedgerStateSources,
    private readonly source: TenancyStateSource,
  ) {}

  onModuleInit(): void {
    this.states.register(this.source);
  }
}

/** What the first start of a deployment needs; runs under the system role. */
@Module({
  imports: [entities, AuthModule],
  providers: [...repositories, BootstrapOperatorService],
  exports: [BootstrapOperatorService],
})
export class OperatorBootstrapModule {}
