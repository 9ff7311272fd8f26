import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuthModule } from '#auth';
import { ApiKeysController } from './api/api-keys.controller.js';
import { OwnTenantController } from './api/own-tenant.controller.js';
import { TenantsController } from './api/tenants.controller.js';
import { UsersController } from './api/users.controller.js';
import { BootstrapOperatorService } from './app/bootstrap-operator.service.js';
import { ChangeTenantService } from './app/change-tenant.service.js';
import { CreateApiKeyService } from './app/create-api-key.service.js';
import { CreateTenantService } from './app/create-tenant.service.js';
import { ManageUsersService } from './app/manage-users.service.js';
import { RevokeApiKeyService } from './app/revoke-api-key.service.js';
import { SetQuotaService } from './app/set-quota.service.js';
import { TenancyQueries } from './app/tenancy.queries.js';
import { TenantContents } from './app/tenant-contents.js';
import { ApiKeyEntity } from './infra/api-key.entity.js';
import { ApiKeyRepository } from './infra/api-key.repository.js';
import { QuotaRepository } from './infra/quota.repository.js';
import { TagRepository } from './infra/tag.repository.js';
import { TenantEntity } from './infra/tenant.entity.js';
import { TenantRepository } from './infra/tenant.repository.js';
import { UserEntity } from './infra/user.entity.js';
import { UserRepository } from './infra/user.repository.js';

const entities = TypeOrmModule.forFeature([TenantEntity, UserEntity, ApiKeyEntity]);
const repositories = [TenantRepository, UserRepository, ApiKeyRepository];

/** Quotas and tags, which every feature's resources use. */
@Module({
  providers: [QuotaRepository, TagRepository, TenantContents],
  exports: [QuotaRepository, TagRepository, TenantContents],
})
export class TenantSharedModule {}

/** Tenants, users and keys over HTTP: for the API process. */
@Module({
  imports: [entities, AuthModule, TenantSharedModule],
  controllers: [TenantsController, OwnTenantController, UsersController, ApiKeysController],
  providers: [
    ...repositories,
    CreateTenantService,
    ChangeTenantService,
    SetQuotaService,
    ManageUsersService,
    CreateApiKeyService,
    RevokeApiKeyService,
    TenancyQueries,
  ],
  exports: [TenantSharedModule],
})
export class TenancyApiModule {}

/** What the first start of a deployment needs; runs under the system role. */
@Module({
  imports: [entities, AuthModule],
  providers: [...repositories, BootstrapOperatorService],
  exports: [BootstrapOperatorService],
})
export class OperatorBootstrapModule {}
