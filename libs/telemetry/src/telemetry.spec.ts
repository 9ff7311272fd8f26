import { Logger as NestFacade } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { ConflictError } from '#kernel';
import { HealthRegistry } from './health.js';
import { createLogger, type Logger } from './logger.js';
import { Metrics } from './metrics.js';
import { NestLogger } from './nest-logger.js';
import { observeRequests } from './observe-requests.js';
import { TelemetryModule } from './telemetry.module.js';

let lines: string[];
let logger: Logger;
beforeEach(() => {
  lines = [];
  logger = createLogger({ process: 'test', level: 'trace', destination: { write: (line) => lines.push(line) } });
});
const logged = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);

describe('the log', () => {
  const canaries: [string, string, (text: string) => void][] = [
    ['a named member', 'canary-1', (text) => logger.info({ password: text, deep: { er: { secret: text } } }, 'x')],
    ['an API key in a message', 'c'.repeat(43), (text) => logger.info(`refused fh_0123456789abcdef0_${text}`)],
    ['a bearer token in an error', 'canary-token-3', (text) => logger.error({ err: new Error(`Bearer ${text}`) }, 'x')],
    ['a password in a URL', 'p4ssw0rd', (text) => logger.error(`cannot reach postgres://api:${text}@db:5432/freehold`)],
    [
      'a cause of a cause',
      's3cret',
      (text) =>
        logger.error(
          { err: new Error('a', { cause: new Error('b', { cause: new Error(`redis://:${text}@r`) }) }) },
          'x',
        ),
    ],
    [
      'members of a driver error',
      'canary-5',
      (text) => logger.error({ err: Object.assign(new Error('dup'), { parameters: [text], detail: text }) }, 'x'),
    ],
    ['a secret of a webhook', 'whCANARYwh0123456789', (text) => logger.info(`signed with whsec_${text}=`)],
    ['an age identity', 'QQQQCANARYQQQ', (text) => logger.info({ note: `AGE-SECRET-KEY-1${text}` }, 'x')],
    ['a PEM key', 'MC4CAQAw', (text) => logger.info(`-----BEGIN PRIVATE KEY-----\n${text}\n-----END PRIVATE KEY-----`)],
    ['what is thrown and is no Error', 'canary-8', (text) => logger.error({ err: text }, 'x')],
  ];
  it.each(canaries)('does not hold %s', (_where, canary, write) => {
    write(canary);
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain(canary);
    expect(() => logged()).not.toThrow();
  });

  it('keeps what an error is, and why', () => {
    logger.error(
      { err: new ConflictError('Taken', 'taken', { cause: new TypeError('under it') }), requestId: 'req-1' },
      'no',
    );
    expect(logged()[0]).toMatchObject({
      level: 'error',
      process: 'test',
      message: 'no',
      requestId: 'req-1',
      err: {
        type: 'ConflictError',
        code: 'Taken',
        message: 'taken',
        cause: { type: 'TypeError', message: 'under it' },
      },
    });
  });

  it('takes what Nest and our own code hand to its logger', () => {
    NestFacade.overrideLogger(new NestLogger(logger));
    const facade = new NestFacade('SomeService');
    facade.log('started');
    facade.error({ err: new Error('boom'), requestId: 'req-2' }, 'request failed');
    facade.warn(new Error('odd'));
    expect(logged()).toMatchObject([
      { level: 'info', message: 'started', context: 'SomeService' },
      {
        level: 'error',
        message: 'request failed',
        context: 'SomeService',
        requestId: 'req-2',
        err: { message: 'boom' },
      },
      { level: 'warn', message: 'odd', context: 'SomeService', err: { message: 'odd' } },
    ]);
    NestFacade.overrideLogger(['log', 'error', 'warn']);
  });
});

describe('health and metrics over HTTP', () => {
  let app: NestFastifyApplication;
  let base: string;
  beforeEach(async () => {
    const module = await Test.createTestingModule({ imports: [TelemetryModule.forRoot(logger)] }).compile();
    app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), { logger: false });
    observeRequests(app.getHttpAdapter().getInstance(), logger, app.get(Metrics));
    await app.listen(0, '127.0.0.1');
    base = await app.getUrl();
  });
  afterEach(() => app.close());

  const get = (path: string) => fetch(`${base}${path}`);

  it('is live whatever fails, and ready only when nothing does', async () => {
    const health = app.get(HealthRegistry);
    let broken = false;
    health.register('database', async () => {
      if (broken) throw new Error('password authentication failed for user "canary"');
    });
    health.register('queue', async () => undefined);
    expect(await (await get('/readyz')).json()).toEqual({
      ready: true,
      checks: { database: { ok: true }, queue: { ok: true } },
    });
    broken = true;
    const refused = await get('/readyz');
    expect(refused.status).toBe(503);
    expect(await refused.json()).toEqual({
      ready: false,
      checks: { database: { ok: false, detail: 'the check failed' }, queue: { ok: true } },
    });
    expect((await get('/healthz')).status).toBe(200);
    broken = false;
    health.onModuleDestroy();
    expect((await get('/readyz')).status).toBe(503);
  });

  it('answers in bounded time while a check hangs, and asks it once for all who wait', async () => {
    let asked = 0;
    app.get(HealthRegistry).register('hanging', () => {
      asked += 1;
      return new Promise(() => undefined);
    });
    const replies = await Promise.all([get('/readyz'), get('/readyz'), get('/readyz')]);
    expect(replies.map((reply) => reply.status)).toEqual([503, 503, 503]);
    expect(asked).toBe(1);
  });

  it('counts requests by route and logs them without their query', async () => {
    await get('/nowhere?token=canary');
    await get('/healthz');
    const metrics = await get('/metrics');
    const text = await metrics.text();
    expect(metrics.headers.get('content-type')).toMatch(/^text\/plain/);
    expect(text).toMatch(/http_request_duration_seconds_count\{method="GET",route="\/healthz",status="200"\} 1/);
    expect(text).toMatch(/http_request_duration_seconds_count\{method="GET",route="unmatched",status="404"\} 1/);
    expect(text).toMatch(/process_resident_memory_bytes \d/);
    expect(logged()).toMatchObject([{ message: 'request', route: 'unmatched', status: 404 }]);
    expect(lines.join()).not.toContain('canary');
  });
});
