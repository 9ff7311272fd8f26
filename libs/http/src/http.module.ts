import { Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, DiscoveryModule } from '@nestjs/core';
import { Authenticator, AuthGuard, AuthModule, RouteAudit } from '#auth';
import { EndpointInterceptor } from './endpoint.interceptor.js';
import { ProblemFilter } from './problem.filter.js';

/** The API's conventions, once for all controllers: guard, validation and replies, problems, description. */
@Module({
  imports: [DiscoveryModule, AuthModule],
  providers: [
    Authenticator,
    RouteAudit,
    { provide: APP_GUARD, useClass: AuthGuard },
    { provide: APP_INTERCEPTOR, useClass: EndpointInterceptor },
    { provide: APP_FILTER, useClass: ProblemFilter },
  ],
})
export class HttpModule {}
