import { createHash } from 'node:crypto';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { LogStatisticsQuery, logStatisticsView } from '#ledger';
import { renderLogPage, STYLE } from './render-log-page.js';

const HOURS = 24;
// Its own style and nothing else, wherever it comes from.
const SECURITY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** Serves the log's figures as a page for people: /log. Needs no account, as little as /v1/log/statistics does. */
export function serveLogPage(app: NestFastifyApplication): void {
  app
    .getHttpAdapter()
    .getInstance()
    .get('/log', async (_request, reply) => {
      // Asked for at the first request, when all modules are there.
      const statistics = await app.get(LogStatisticsQuery, { strict: false }).execute(HOURS);
      return reply
        .type('text/html; charset=utf-8')
        .header('content-security-policy', SECURITY)
        .header('x-content-type-options', 'nosniff')
        .header('referrer-policy', 'no-referrer')
        .header('cache-control', 'public, max-age=1')
        .send(renderLogPage(logStatisticsView(statistics)));
    });
}
