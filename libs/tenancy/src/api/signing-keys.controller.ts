import { Controller } from '@nestjs/common';
import type { PageRequest } from '#database';
import { BodyInput, Endpoint, Op, PathInput, pageView, QueryInput } from '#http';
import type { OpContext, SigningKeyId } from '#kernel';
import { type EnrolSigningKey, EnrolSigningKeyService } from '../app/enrol-signing-key.service.js';
import { RevokeSigningKeyService } from '../app/revoke-signing-key.service.js';
import { SigningQueries } from '../app/signing.queries.js';
import * as schemas from './signing.schemas.js';
import { signingKeyView } from './signing.views.js';
import { listQuery } from './tenancy.schemas.js';

/** The keys with which users sign their requests. */
@Controller('v1/signing-keys')
export class SigningKeysController {
  constructor(
    private readonly enrolSigningKey: EnrolSigningKeyService,
    private readonly revokeSigningKey: RevokeSigningKeyService,
    private readonly queries: SigningQueries,
  ) {}

  @Endpoint({
    method: 'POST',
    summary: "Enrol a signing key of one's own",
    description: 'The statement and how it is signed: docs/formats/evidence-v1.md.',
    permission: 'signing-key:write',
    body: schemas.enrolSigningKeySchema,
    reply: schemas.changedSigningKeySchema,
    view: signingKeyView,
  })
  enrol(@Op() op: OpContext, @BodyInput() input: EnrolSigningKey) {
    return this.enrolSigningKey.execute(op, input);
  }

  @Endpoint({
    method: 'GET',
    path: 'enrolment',
    summary: 'What is to be signed to enrol a key',
    permission: 'signing-key:write',
    reply: schemas.enrolmentSchema,
  })
  enrolment(@Op() op: OpContext) {
    return this.queries.enrolment(op);
  }

  @Endpoint({
    method: 'GET',
    summary: 'List signing keys',
    permission: 'signing-key:read',
    query: listQuery,
    reply: schemas.signingKeyPage,
    view: pageView(signingKeyView),
  })
  list(@Op() op: OpContext, @QueryInput() page: PageRequest) {
    return this.queries.keys(op, page);
  }

  @Endpoint({
    method: 'GET',
    path: ':keyId',
    summary: 'Read a signing key',
    permission: 'signing-key:read',
    params: schemas.signingKeyParams,
    reply: schemas.signingKeySchema,
    view: signingKeyView,
  })
  get(@Op() op: OpContext, @PathInput() { keyId }: { keyId: SigningKeyId }) {
    return this.queries.key(op, keyId);
  }

  @Endpoint({
    method: 'DELETE',
    path: ':keyId',
    summary: 'Revoke a signing key at once; what it signed stays signed',
    permission: 'signing-key:write',
    params: schemas.signingKeyParams,
    reply: schemas.changedSigningKeySchema,
    view: signingKeyView,
  })
  revoke(@Op() op: OpContext, @PathInput() { keyId }: { keyId: SigningKeyId }) {
    return this.revokeSigningKey.execute(op, keyId);
  }
}
