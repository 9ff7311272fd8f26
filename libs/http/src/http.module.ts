import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, DiscoveryModule } from '@nestjs/core';
import { Authenticator, AuthGuard, AuthModule, RouteAudit } from '#auth';
import { EndpointInterceptor } from './endpoint.interceptor.js';
import { ProblemFilter } from './problem.filter.js';
import { RateLimitGuard, RateLimitOptions } from './rate-limit.guard.js';

/** The API's conventions, once for all controllers: guard and limits, validation and replies, problems, description. */
@Module({})
export class HttpModule {
  static forRoot({ rateLimit }: RateLimitOptions): DynamicModule {
    return {
      module: HttpModule,
      imports: [DiscoveryModule, AuthModule],
      providers: [
        Authenticator,
        AuthGuard,
        RouteAudit,
        { provide: RateLimitOptions, useValue: { rateLimit } },
        { provide: APP_GUARD, useClass: RateLimitGuard },
        { provide: APP_INTERCEPTOR, useClass: EndpointInterceptor },
        { provide: APP_FILTER, useClass: ProblemFilter },
      ],
    };
  }
}
