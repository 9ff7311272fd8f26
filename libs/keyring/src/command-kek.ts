import { spawn } from 'node:child_process';
import { z } from 'zod';
import { Kek, type WrappedKey } from './kek.js';
import { KekUnavailableError } from './keyring.errors.js';

const MAX_REPLY_BYTES = 128 * 1024;
const DEFAULT_TIMEOUT_MS = 10_000;

const base64 = z.base64().transform((text) => new Uint8Array(Buffer.from(text, 'base64')));
const wrapReply = z.object({ keyId: z.string().regex(/^[\x21-\x7e]{1,255}$/), wrapped: base64 });
const unwrapReply = z.object({ key: base64.refine((key) => key.length === 32) });

type Request = { op: 'wrap'; key: string } | { op: 'unwrap'; keyId: string; wrapped: string };

/**
 * A key-encryption key behind a command: one JSON object on its standard input, one on its standard output, exit code 0.
 * `{"v":1,"op":"wrap","key":"<base64>"}` is answered by `{"keyId":"...","wrapped":"<base64>"}`, and
 * `{"v":1,"op":"unwrap","keyId":"...","wrapped":"<base64>"}` by `{"key":"<base64>"}`. Started without a shell; nothing it
 * prints reaches a log or an error, because it may be a key.
 */
export class CommandKek extends Kek {
  private readonly program: string;
  private readonly args: string[];

  /** `commandLine` is a program and its arguments, separated by blanks. */
  constructor(
    commandLine: string,
    private readonly timeoutMs = DEFAULT_TIMEOUT_MS,
  ) {
    super();
    const [program, ...args] = commandLine.trim().split(/\s+/);
    if (!program) throw new KekUnavailableError('the key command is empty');
    this.program = program;
    this.args = args;
  }

  wrap(dataKey: Uint8Array): Promise<WrappedKey> {
    return this.ask({ op: 'wrap', key: Buffer.from(dataKey).toString('base64') }, wrapReply);
  }

  async unwrap({ keyId, wrapped }: WrappedKey): Promise<Uint8Array> {
    const reply = await this.ask(
      { op: 'unwrap', keyId, wrapped: Buffer.from(wrapped).toString('base64') },
      unwrapReply,
    );
    return reply.key;
  }

  private async ask<T>(request: Request, schema: z.ZodType<T>): Promise<T> {
    const text = await this.run(`${JSON.stringify({ v: 1, ...request })}\n`);
    let reply: unknown;
    try {
      reply = JSON.parse(text);
    } catch {
      throw new KekUnavailableError(`the key command ${this.program} did not answer ${request.op} with JSON`);
    }
    const parsed = schema.safeParse(reply);
    if (!parsed.success) {
      const fields = parsed.error.issues.map((issue) => issue.path.join('.') || 'the whole').join(', ');
      throw new KekUnavailableError(
        `the key command ${this.program} answered ${request.op} with a wrong object: ${fields}`,
      );
    }
    return parsed.data;
  }

  private run(input: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = spawn(this.program, this.args, { stdio: ['pipe', 'pipe', 'ignore'], shell: false });
      const chunks: Buffer[] = [];
      let received = 0;
      const fail = (what: string, cause?: unknown): void => {
        clearTimeout(timer);
        child.kill('SIGKILL');
        // A grandchild may keep the pipe open; the answer no longer matters.
        child.stdout.destroy();
        reject(new KekUnavailableError(`the key command ${this.program} ${what}`, { cause }));
      };
      const timer = setTimeout(() => fail(`gave no answer within ${this.timeoutMs} ms`), this.timeoutMs);
      child.on('error', (cause) => fail('could not be started', cause));
      child.stdout.on('data', (chunk: Buffer) => {
        received += chunk.length;
        if (received > MAX_REPLY_BYTES) fail(`answered more than ${MAX_REPLY_BYTES} bytes`);
        else chunks.push(chunk);
      });
      // A command that exits without reading its input breaks the pipe; its exit code tells more.
      child.stdin.on('error', () => undefined);
      child.on('close', (code, signal) => {
        clearTimeout(timer);
        if (code === 0) resolve(Buffer.concat(chunks).toString('utf8'));
        else fail(`ended with ${code === null ? `signal ${signal}` : `exit code ${code}`}`);
      });
      child.stdin.end(input);
    });
  }
}
