import { Controller } from '@nestjs/common';
import type { PageRequest } from '#database';
import { BodyInput, Endpoint, Op, PathInput, pageView, QueryInput, recordedSchema } from '#http';
import type { ApiKeyId, OpContext } from '#kernel';
import { type CreateApiKey, CreateApiKeyService } from '../app/create-api-key.service.js';
import { RevokeApiKeyService } from '../app/revoke-api-key.service.js';
import { TenancyQueries } from '../app/tenancy.queries.js';
import * as schemas from './tenancy.schemas.js';
import { apiKeyView, issuedApiKeyView } from './tenancy.views.js';

@Controller('v1/api-keys')
export class ApiKeysController {
  constructor(
    private readonly createApiKey: CreateApiKeyService,
    private readonly revokeApiKey: RevokeApiKeyService,
    private readonly queries: TenancyQueries,
  ) {}

  @Endpoint({
    method: 'POST',
    summary: 'Create an API key; the reply is the only place that shows it',
    permission: 'key:write',
    body: schemas.createApiKeySchema,
    reply: schemas.issuedApiKeySchema,
    view: issuedApiKeyView,
    secretField: 'apiKey',
  })
  create(@Op() op: OpContext, @BodyInput() input: CreateApiKey) {
    return this.createApiKey.execute(op, input);
  }

  @Endpoint({
    method: 'GET',
    summary: 'List API keys',
    permission: 'key:read',
    query: schemas.listQuery,
    reply: schemas.apiKeyPage,
    view: pageView(apiKeyView),
  })
  list(@Op() op: OpContext, @QueryInput() page: PageRequest) {
    return this.queries.listApiKeys(op, page);
  }

  @Endpoint({
    method: 'GET',
    path: ':keyId',
    summary: 'Read an API key',
    permission: 'key:read',
    params: schemas.apiKeyParams,
    reply: schemas.apiKeySchema,
    view: apiKeyView,
  })
  get(@Op() op: OpContext, @PathInput() { keyId }: { keyId: ApiKeyId }) {
    return this.queries.apiKey(op, keyId);
  }

  @Endpoint({
    method: 'DELETE',
    path: ':keyId',
    summary: 'Revoke an API key at once',
    permission: 'key:write',
    params: schemas.apiKeyParams,
    reply: schemas.apiKeySchema.extend(recordedSchema.shape),
    view: apiKeyView,
  })
  revoke(@Op() op: OpContext, @PathInput() { keyId }: { keyId: ApiKeyId }) {
    return this.revokeApiKey.execute(op, keyId);
  }
}
