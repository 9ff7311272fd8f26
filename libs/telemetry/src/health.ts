import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { DomainError } from '#kernel';

const CHECK_TIMEOUT_MS = 2_000;

export interface CheckResult {
  ok: boolean;
  /** Why not, in words that may be shown to anyone; absent when ok. */
  detail?: string;
}

export interface Readiness {
  ready: boolean;
  checks: Record<string, CheckResult>;
}

type Check = () => Promise<unknown>;

/**
 * Whether this process can do its work now: every part that needs something outside registers a named check. Asked often
 * and by anyone, so that checks under way are shared and each is bounded in time.
 */
@Injectable()
export class HealthRegistry implements OnModuleDestroy {
  private readonly checks = new Map<string, Check>();
  private draining = false;
  private underWay: Promise<Readiness> | undefined;

  /** `check` fails by rejecting. @throws when the name is taken */
  register(name: string, check: Check): void {
    if (this.checks.has(name)) throw new Error(`two health checks are called ${name}`);
    this.checks.set(name, check);
  }

  /** From now on not ready: the process is about to end and takes no new work. */
  onModuleDestroy(): void {
    this.draining = true;
  }

  readiness(): Promise<Readiness> {
    this.underWay ??= this.runAll().finally(() => {
      this.underWay = undefined;
    });
    return this.underWay;
  }

  private async runAll(): Promise<Readiness> {
    const results = await Promise.all([...this.checks].map(async ([name, check]) => [name, await run(check)] as const));
    if (this.draining) results.push(['shutdown', { ok: false, detail: 'this process is shutting down' }]);
    return { ready: results.every(([, result]) => result.ok), checks: Object.fromEntries(results) };
  }
}

async function run(check: Check): Promise<CheckResult> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<CheckResult>((resolve) => {
    timer = setTimeout(
      () => resolve({ ok: false, detail: `no answer within ${CHECK_TIMEOUT_MS} ms` }),
      CHECK_TIMEOUT_MS,
    );
  });
  const outcome = (async (): Promise<CheckResult> => {
    try {
      await check();
      return { ok: true };
    } catch (error) {
      // Only our own errors are written for people outside; a driver's may name hosts and logins.
      return { ok: false, detail: error instanceof DomainError ? error.message : 'the check failed' };
    }
  })();
  try {
    return await Promise.race([outcome, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
