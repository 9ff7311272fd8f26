import type { FastifyInstance } from 'fastify';
import type { Logger } from './logger.js';
import type { Metrics } from './metrics.js';
import { type TraceContext, traceContextOf } from './trace-context.js';

const QUIET_ROUTES = new Set(['/healthz', '/readyz', '/metrics']);

/**
 * Counts and logs every request of a Fastify server. The route's pattern is the label, never the path: that holds ids.
 * Bodies, headers and query strings are not logged. A request that belongs to a caller's trace (`traceparent`) is logged
 * and answered with it.
 */
export function observeRequests(server: FastifyInstance, logger: Logger, metrics: Metrics): void {
  const duration = metrics.histogram({
    name: 'http_request_duration_seconds',
    help: 'From the first byte of a request to the last of its reply.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
  });
  const traces = new WeakMap<object, TraceContext>();
  server.addHook('onRequest', (request, reply, done) => {
    const trace = traceContextOf(request.headers.traceparent);
    if (trace) {
      traces.set(request, trace);
      void reply.header('traceparent', trace.traceparent);
    }
    done();
  });
  server.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unmatched';
    const seconds = reply.elapsedTime / 1000;
    duration.observe({ method: request.method, route, status: reply.statusCode }, seconds);
    if (!QUIET_ROUTES.has(route)) {
      const level = reply.statusCode >= 500 ? 'warn' : 'info';
      const milliseconds = Math.round(reply.elapsedTime * 10) / 10;
      logger[level](
        {
          requestId: request.id,
          traceId: traces.get(request)?.traceId,
          method: request.method,
          route,
          status: reply.statusCode,
          milliseconds,
        },
        'request',
      );
    }
    done();
  });
}
