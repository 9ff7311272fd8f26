import { once } from 'node:events';
import { readableLogLine } from './log-line.js';
import { type NodeScript, spawnNode } from './node-child.js';
import { signal } from './process-identity.js';

/** A script ended with an error. The message ends with what it said. */
export class ScriptError extends Error {
  override name = 'ScriptError';
}

/**
 * Runs a script to its end in a process of its own, so that what it loads is gone with it.
 * @param what the script does, for the error's message
 * @returns the JSON in the last line of its standard output
 * @throws ScriptError
 */
export async function runScript(what: string, script: NodeScript, abort: AbortSignal): Promise<unknown> {
  abort.throwIfAborted();
  const child = spawnNode(script);
  const output = collect(child.stdout);
  const errors = collect(child.stderr);
  const onAbort = () => child.pid !== undefined && signal(child.pid, 'SIGTERM');
  abort.addEventListener('abort', onAbort);
  try {
    const [code, by] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    abort.throwIfAborted();
    if (code !== 0) {
      const said = lines(errors() + output()).map((line) => readableLogLine(line).text);
      throw new ScriptError(`${what} failed (${by ?? `exit code ${code}`}); it said:\n${said.join('\n')}`);
    }
    return JSON.parse(lines(output()).at(-1) ?? 'null');
  } finally {
    abort.removeEventListener('abort', onAbort);
  }
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  const chunks: Buffer[] = [];
  stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString('utf8');
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
