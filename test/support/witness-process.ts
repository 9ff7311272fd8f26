import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const CLI = 'dist/apps/cli/src/main.js';
const DYING = 'dist/apps/cli/src/testing/dying-witness.process.js';

/** A witness in a process of its own, from the build. */
export class WitnessProcess {
  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
  ) {}

  /** `freehold witness serve`. */
  static serve(folder: string, port = 0): Promise<WitnessProcess> {
    return WitnessProcess.start([CLI, 'witness', 'serve', '--folder', folder, '--port', `${port}`, '-o', 'json']);
  }

  /** One that kills itself at a step. */
  static dyingAt(folder: string, step: string): Promise<WitnessProcess> {
    return WitnessProcess.start([DYING, folder, step]);
  }

  private static async start(args: string[]): Promise<WitnessProcess> {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    for await (const line of createInterface({ input: child.stdout! })) {
      text += line;
      const found = /"url": ?"([^"]+)"/.exec(text);
      if (!found) continue;
      child.stdout!.resume();
      return new WitnessProcess(found[1]!, child);
    }
    throw new Error(`the witness did not start: ${text}`);
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  async end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill(signal);
      await once(this.child, 'exit');
    }
    return this.child.exitCode ?? this.child.signalCode;
  }

  /** Waits for an end that it comes to by itself. */
  async ended(): Promise<number | NodeJS.Signals | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
    return this.child.exitCode ?? this.child.signalCode;
  }
}
