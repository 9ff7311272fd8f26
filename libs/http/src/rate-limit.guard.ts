import { hash } from 'node:crypto';
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AuthGuard, declaredPermission, type Principal } from '#auth';
import { DomainError, UnauthenticatedError } from '#kernel';
import { clientNetwork, type RateDecision, TokenBuckets } from './rate-limit.js';

/** Failed authentications that one client's network may cause in a minute. */
const FAILURES_PER_MINUTE = 60;
const MOST_PROVEN = 10_000;

export abstract class RateLimitOptions {
  /** Requests a minute for each API key; 0 is no limit. */
  abstract readonly rateLimit: number;
}

type Request = FastifyRequest & { principal?: Principal };

/**
 * Authenticates within limits. A key has a bucket of its own, charged only after its secret was right, so that nobody can
 * use up another's. Failures are counted by network; when there were too many, credentials that have not worked here lately
 * are refused before they are looked at, and those that have still work: behind one proxy, guessing shuts nobody out.
 */
@Injectable()
export class RateLimitGuard implements CanActivate {
  private readonly requests: TokenBuckets | null;
  private readonly failures = new TokenBuckets(FAILURES_PER_MINUTE);
  /** Digests of credentials that worked, those used last. */
  private readonly proven = new Set<string>();

  constructor(
    private readonly auth: AuthGuard,
    { rateLimit }: RateLimitOptions,
  ) {
    this.requests = rateLimit === 0 ? null : new TokenBuckets(rateLimit);
  }

  /** @throws DomainError `RateLimited`; what AuthGuard throws */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (declaredPermission(context.getHandler()) === 'public') return true;
    const request = context.switchToHttp().getRequest<Request>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const network = clientNetwork(request.ip);
    const presented = request.headers.authorization;
    const credential = hash('sha256', presented ?? '', 'base64');
    // Without a credential nothing is guessed, and the refusal costs nothing.
    if (presented !== undefined) this.requireFewFailures(network, credential, reply);
    try {
      await this.auth.canActivate(context);
    } catch (error) {
      if (error instanceof UnauthenticatedError && presented !== undefined) {
        this.failures.take(network, now());
        this.proven.delete(credential);
      }
      if (request.principal) this.charge(request.principal, reply);
      throw error;
    }
    this.remember(credential);
    if (request.principal) this.charge(request.principal, reply);
    return true;
  }

  private requireFewFailures(network: string, credential: string, reply: FastifyReply): void {
    const decision = this.failures.look(network, now());
    if (decision.admitted || this.proven.has(credential)) return;
    throw limited(reply, decision, 'Too many requests from your network could not be authenticated.');
  }

  /** Headers as in draft-ietf-httpapi-ratelimit-headers. */
  private charge({ actor }: Principal, reply: FastifyReply): void {
    if (!this.requests) return;
    const decision = this.requests.take(actor.keyId ?? actor.id, now());
    void reply.header('ratelimit-policy', `"key";q=${this.requests.perMinute};w=60`);
    void reply.header('ratelimit', `"key";r=${decision.remaining};t=${decision.resetSeconds}`);
    if (decision.admitted) return;
    throw limited(reply, decision, `This API key may send ${this.requests.perMinute} requests a minute.`);
  }

  private remember(credential: string): void {
    this.proven.delete(credential);
    this.proven.add(credential);
    if (this.proven.size > MOST_PROVEN) this.proven.delete(this.proven.values().next().value as string);
  }
}

function now(): number {
  return Math.floor(performance.now());
}

function limited(reply: FastifyReply, { retryAfterSeconds }: RateDecision, reason: string): DomainError {
  void reply.header('retry-after', String(retryAfterSeconds));
  return new DomainError('rate-limited', 'RateLimited', `${reason} Come again in ${retryAfterSeconds} s.`);
}
