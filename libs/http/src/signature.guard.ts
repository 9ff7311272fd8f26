import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Principal } from '#auth';
import { Clock, type RequestSignature } from '#kernel';
import { requireContentDigest } from './content-digest.js';
import { endpointSpec, isChange } from './endpoint.js';
import { type PresentedSignature, presentedSignature } from './presented-signature.js';
import { RateLimitGuard } from './rate-limit.guard.js';
import { signingKeyUnknown } from './signature.errors.js';
import { baseOf, requestSignature, requireCovering, SignatureChecker, type SignatureWindow } from './signed-request.js';

export abstract class SignatureOptions {
  abstract readonly window: SignatureWindow;
}

type Request = FastifyRequest & {
  principal?: Principal;
  signingKeyId?: string;
  signature?: RequestSignature;
  /** The bytes of the body as they came, left here by the parser. */
  rawBody?: Buffer;
};

/**
 * Checks what a request says of itself: the digest of its body, and the signature of the user whose API key it carries. The
 * signing key comes with the look-up of the API key, so that a signed request costs no further one, and a revoked key stops
 * at once. A request whose signature does not hold is refused, and never taken for one that nobody signed.
 */
@Injectable()
export class SignatureGuard implements CanActivate {
  private readonly checker = new SignatureChecker();

  constructor(
    private readonly admission: RateLimitGuard,
    private readonly clock: Clock,
    private readonly options: SignatureOptions,
  ) {}

  /** @throws SignatureError, InvalidInputError; what RateLimitGuard throws */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<Request>();
    const presented = presentedSignature(request.headers);
    if (presented) request.signingKeyId = presented.keyId;
    await this.admission.canActivate(context);
    const digest = request.headers['content-digest'];
    if (typeof digest === 'string') {
      requireContentDigest(digest, request.rawBody, { signed: presented?.input.components.includes('content-digest') });
    }
    if (presented && request.principal) await this.verify(context, request, request.principal, presented);
    return true;
  }

  private async verify(
    context: ExecutionContext,
    request: Request,
    principal: Principal,
    presented: PresentedSignature,
  ): Promise<void> {
    const spec = endpointSpec(context.getHandler());
    const change = spec !== undefined && isChange(spec);
    const expected = {
      change,
      secretBody: spec?.secretBody ?? false,
      now: Math.floor(this.clock.now().getTime() / 1000),
      window: this.options.window,
    };
    const { method, url, headers, rawBody: body } = request;
    const signable = { method, url, headers, body };
    const components = requireCovering(presented, signable, expected);
    if (!principal.signingPublicKey) throw signingKeyUnknown(presented.keyId);
    await this.checker.require(baseOf(components, presented), presented.signature, principal.signingPublicKey);
    if (change) request.signature = requestSignature(presented, components, signable, expected);
  }
}
