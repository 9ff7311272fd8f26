import { Controller, Get, Header, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { RequirePermission } from '#auth';
import { HealthRegistry, type Readiness } from './health.js';
import { Metrics } from './metrics.js';

/** What an orchestrator and a metrics collector ask every process, without an account. */
@Controller()
export class TelemetryController {
  constructor(
    private readonly health: HealthRegistry,
    private readonly metrics: Metrics,
  ) {}

  /** The process runs and answers. Says nothing about what it depends on: a restart would not mend that. */
  @Get('healthz')
  @RequirePermission('public')
  live(): { live: true } {
    return { live: true };
  }

  /** 200 when the process can do its work, else 503 with the checks that fail. */
  @Get('readyz')
  @RequirePermission('public')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<Readiness> {
    const readiness = await this.health.readiness();
    void reply.status(readiness.ready ? 200 : 503);
    return readiness;
  }

  @Get('metrics')
  @Header('cache-control', 'no-store')
  @RequirePermission('public')
  async scrape(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    void reply.header('content-type', this.metrics.contentType);
    return this.metrics.text();
  }
}
