import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from '#embedded';

/** Whether a redis-server is installed, so that what runs on Redis can be tried here. */
export const redisInstalled = spawnSync('redis-server', ['--version']).status === 0;

/** A Redis of a test's own, on a port of its own, that keeps nothing on disk. */
export class TestRedis {
  private child: ChildProcess | undefined;
  private readonly folder = mkdtempSync(join(tmpdir(), 'freehold-redis-'));

  private constructor(private readonly port: number) {}

  static async start(...settings: string[]): Promise<TestRedis> {
    const redis = new TestRedis(await freePort());
    await redis.start(...settings);
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start(...settings: string[]): Promise<void> {
    const args = ['--port', `${this.port}`, '--bind', '127.0.0.1', '--save', '', '--dir', this.folder, ...settings];
    this.child = spawn('redis-server', args, { stdio: 'ignore' });
    const probe = new Redis(this.url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
    probe.on('error', () => undefined);
    try {
      await Promise.race([
        probe.ping(),
        delay(10_000, undefined, { ref: false }).then(() => {
          throw new Error('redis-server did not start within 10 s');
        }),
      ]);
    } finally {
      probe.disconnect();
    }
  }

  /** As `kill -9`: what it held is gone. */
  async kill(): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (!child || child.exitCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
