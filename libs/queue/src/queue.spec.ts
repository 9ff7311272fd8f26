import fc from 'fast-check';
import { createLogger, HealthRegistry, Metrics } from '#telemetry';
import { jobId } from './job-id.js';
import { PollingLoop } from './polling-loop.js';
import { HandlerMismatchError } from './queue.errors.js';
import { QueueRuntime } from './queue-runtime.js';

describe('a job id', () => {
  it('is one that BullMQ takes, and is no other key’s', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (one, other) => {
        expect(jobId('t', one)).toMatch(/^[a-z0-9A-Z._~-]+$/);
        expect(jobId('t', one)).not.toMatch(/^\d+$/);
        expect(jobId('t', one) === jobId('t', other)).toBe(one === other);
      }),
    );
    expect(jobId('vpc', 'vpc-0123456789abcdef0')).toBe('vpc~vpc-0123456789abcdef0');
    expect(jobId('t', 'a:b')).not.toBe(jobId('t', 'a~3a~b'));
  });
});

describe('the boot', () => {
  const processor = { process: async () => undefined };
  const start = (topics: string[], handled: string[]) =>
    new QueueRuntime(
      { databaseUrl: 'postgres://nobody@127.0.0.1:1/none', topics },
      {
        database: { query: async () => [] },
        logger: createLogger({ process: 'test', level: 'silent' }),
        metrics: new Metrics(),
        health: new HealthRegistry(),
      },
    ).start(handled.map((topic) => ({ topic, concurrency: 1, rest: 0, processor })));

  it.each([
    ['a topic without a handler', ['vpc', 'segment'], ['vpc'], /the topic segment has no handler: add a provider/],
    ['a topic with two', ['vpc'], ['vpc', 'vpc'], /the topic vpc has 2 handlers/],
    ['a handler without a topic', ['vpc'], ['vpc', 'gone'], /a handler for gone, which is no topic/],
    ['a name that is none', ['v:pc'], ['v:pc'], /"v:pc" is not a topic's name/],
  ])('ends by name with %s', async (_name, topics, handled, message) => {
    const started = start(topics, handled);
    await expect(started).rejects.toThrow(HandlerMismatchError);
    await expect(started).rejects.toThrow(message);
  });
});

describe('a polling loop', () => {
  it('never overlaps, goes on after errors, and ends with its round', async () => {
    let inside = 0;
    let rounds = 0;
    const errors: unknown[] = [];
    let tenth: () => void;
    const tenRounds = new Promise<void>((resolve) => {
      tenth = resolve;
    });
    const loop = new PollingLoop(
      async () => {
        inside += 1;
        expect(inside).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
        inside -= 1;
        rounds += 1;
        if (rounds === 10) tenth();
        if (rounds % 3 === 0) throw new Error(`round ${rounds}`);
        return 1;
      },
      (error) => errors.push(error),
      { firstMs: 1, longestMs: 2 },
    );
    loop.start();
    loop.start();
    await tenRounds;
    await loop.stop();
    const ended = rounds;
    expect(inside).toBe(0);
    expect(errors.length).toBeGreaterThanOrEqual(3);
    await new Promise((resolve) => setImmediate(resolve));
    expect(rounds).toBe(ended);
  });

  it('ends at once while it waits, and tells a round under way', async () => {
    const waiting = new PollingLoop(
      async () => 3_600_000,
      () => undefined,
    );
    waiting.start();
    await waiting.stop();
    const told = new PollingLoop(
      (signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('told')))),
      () => undefined,
    );
    told.start();
    await told.stop();
  });
});
