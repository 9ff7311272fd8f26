import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, DiscoveryModule } from '@nestjs/core';
import { Authenticator, AuthGuard, AuthModule, RouteAudit } from '#auth';
import { EndpointInterceptor } from './endpoint.interceptor.js';
import { ProblemFilter } from './problem.filter.js';
import { RateLimitGuard, RateLimitOptions } from './rate-limit.guard.js';
import { SignatureGuard, SignatureOptions } from './signature.guard.js';

export interface HttpModuleOptions extends RateLimitOptions {
  /** How old the signature of a request may be. */
  signatureMaxAgeSeconds: number;
  /** How far ahead the clock of who signs may be. */
  signatureMaxSkewSeconds: number;
}

/** The API's conventions, once for all controllers: guard and limits, validation and replies, problems, description. */
@Module({})
export class HttpModule {
  static forRoot({ rateLimit, signatureMaxAgeSeconds, signatureMaxSkewSeconds }: HttpModuleOptions): DynamicModule {
    return {
      module: HttpModule,
      imports: [DiscoveryModule, AuthModule],
      providers: [
        Authenticator,
        AuthGuard,
        RouteAudit,
        { provide: RateLimitOptions, useValue: { rateLimit } },
        {
          provide: SignatureOptions,
          useValue: { window: { past: signatureMaxAgeSeconds, future: signatureMaxSkewSeconds } },
        },
        RateLimitGuard,
        { provide: APP_GUARD, useClass: SignatureGuard },
        { provide: APP_INTERCEPTOR, useClass: EndpointInterceptor },
        { provide: APP_FILTER, useClass: ProblemFilter },
      ],
    };
  }
}
