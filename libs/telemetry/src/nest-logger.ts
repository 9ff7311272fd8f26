import type { LoggerService } from '@nestjs/common';
import type { Logger } from './logger.js';

type Level = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';

/**
 * Nest's logger on ours. Understands `logger.error({ err, requestId }, 'what happened')` beside Nest's own
 * `logger.error('what happened', stack)`; the last text is the name of the class that logs.
 */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.write('info', message, rest);
  }
  fatal(message: unknown, ...rest: unknown[]): void {
    this.write('fatal', message, rest);
  }
  error(message: unknown, ...rest: unknown[]): void {
    this.write('error', message, rest);
  }
  warn(message: unknown, ...rest: unknown[]): void {
    this.write('warn', message, rest);
  }
  debug(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }
  verbose(message: unknown, ...rest: unknown[]): void {
    this.write('trace', message, rest);
  }

  private write(level: Level, message: unknown, rest: unknown[]): void {
    const texts = rest.filter((item) => typeof item === 'string');
    const context = texts.pop();
    const err = message instanceof Error ? message : rest.find((item) => item instanceof Error);
    const own = typeof message === 'object' && message !== null && !(message instanceof Error) ? message : {};
    const stack = typeof message === 'string' ? texts.find((text) => /\n\s+at /.test(text)) : undefined;
    const fields = { ...own, ...(err ? { err } : {}), ...(stack ? { stack } : {}), ...(context ? { context } : {}) };
    this.logger[level](fields, typeof message === 'string' ? message : (texts[0] ?? err?.message ?? ''));
  }
}
