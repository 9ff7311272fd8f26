import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectRoot } from '#config';

/** A JavaScript file for Node to run, with its arguments and the whole of its environment. */
export interface NodeScript {
  script: string;
  args?: string[];
  /** Nothing of ours is handed on beside it. */
  env: Record<string, string | undefined>;
}

/** Node loads this before a child's own script, and Node runs the build, also when a test runs the sources. */
const FOLLOW_PARENT = pathToFileURL(join(projectRoot(), 'dist/libs/embedded/src/follow-parent.js')).href;

/** How long output may come after the end, through a pipe that a child's child inherited. */
const LATE_OUTPUT_MS = 500;

/**
 * Starts one of our own scripts. It has a session of its own, so that Ctrl-C in a terminal reaches the parent alone; and it
 * ends by itself when the parent is gone, even by `kill -9` (follow-parent).
 */
export function spawnNode({ script, args = [], env }: NodeScript): ChildProcess {
  const child = spawn(process.execPath, ['--enable-source-maps', '--import', FOLLOW_PARENT, script, ...args], {
    env: env as NodeJS.ProcessEnv,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  child.once('exit', () => setTimeout(() => closePipes(child), LATE_OUTPUT_MS).unref());
  return child;
}

function closePipes(child: ChildProcess): void {
  child.stdout?.destroy();
  child.stderr?.destroy();
}
