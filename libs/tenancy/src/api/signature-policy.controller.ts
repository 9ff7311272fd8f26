import { Controller } from '@nestjs/common';
import { BodyInput, Endpoint, Op, recordedSchema } from '#http';
import type { OpContext } from '#kernel';
import { type SetSignaturePolicy, SetSignaturePolicyService } from '../app/set-signature-policy.service.js';
import { SigningQueries } from '../app/signing.queries.js';
import { setSignaturePolicySchema, signaturePolicySchema } from './signing.schemas.js';
import { signaturePolicyView } from './signing.views.js';

/** Which of its users' actions a tenant wants signed. */
@Controller('v1/tenant/signature-policy')
export class SignaturePolicyController {
  constructor(
    private readonly setSignaturePolicy: SetSignaturePolicyService,
    private readonly queries: SigningQueries,
  ) {}

  @Endpoint({
    method: 'GET',
    summary: 'Read which actions must be signed',
    permission: 'tenant:read',
    reply: signaturePolicySchema,
    view: signaturePolicyView,
  })
  get(@Op() op: OpContext) {
    return this.queries.policy(op);
  }

  @Endpoint({
    method: 'PUT',
    summary: 'Say which actions must be signed; once any must, this must be as well',
    permission: 'signature-policy:write',
    body: setSignaturePolicySchema,
    reply: signaturePolicySchema.extend(recordedSchema.shape),
    view: signaturePolicyView,
  })
  set(@Op() op: OpContext, @BodyInput() input: SetSignaturePolicy) {
    return this.setSignaturePolicy.execute(op, input);
  }
}
