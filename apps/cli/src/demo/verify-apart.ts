import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { BundleReport } from '#proof';
import { projectFolder } from '../connection/local-stack.js';

/** How `freehold verify` ended in a process of its own, that was given nothing but the file. */
export interface Verdict {
  exitCode: number;
  report: BundleReport;
}

const MOST_OUTPUT_BYTES = 16 << 20;

/** @param args such as `--view-key <file>` */
export function verifyApart(bundle: string, args: string[] = []): Promise<Verdict> {
  const command = [join(projectFolder(), 'bin/freehold.mjs'), 'verify', '--bundle', bundle, '-o', 'json', ...args];
  // No FREEHOLD_ variable: what is verified may not depend on any API.
  const env = { PATH: process.env.PATH, HOME: process.env.HOME };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, command, { env, maxBuffer: MOST_OUTPUT_BYTES }, (error, stdout, stderr) => {
      const exitCode = error ? error.code : 0;
      if (typeof exitCode !== 'number') return reject(error);
      try {
        resolve({ exitCode, report: JSON.parse(stdout) as BundleReport });
      } catch {
        reject(new Error(`the verifier ended with ${exitCode}: ${stderr}`));
      }
    });
  });
}
