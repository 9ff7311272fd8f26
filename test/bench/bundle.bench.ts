import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { writeSampleBundle } from './bundle-maker.js';

export interface BundleFigures {
  /** Verifying a bundle of 1,000,000 entries, 200,000 of them signed, from the file to the verdict, with every pin. */
  bundleSeconds: number;
  /** What all its threads took of the processors: that over their number is the least that it can take. */
  bundleCpuSeconds: number;
  /** The most memory that its process had. */
  bundleRssMb: number;
  /** The size of its file. */
  bundleMb: number;
}

const SHAPE = { entries: 1_000_000, signed: 200_000 };

/** @param shape smaller for a quick look */
export async function bundleFigures(shape = SHAPE): Promise<BundleFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'freehold-bundle-'));
  try {
    const file = join(folder, 'bundle.jsonl');
    await writeSampleBundle(file, shape);
    const { size } = await stat(file);
    const verifier = fileURLToPath(new URL('./verify-bundle-process.js', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [verifier, file]);
    const { ok, complete, entries, signed, firstBad, seconds, cpuSeconds, rssMb } = JSON.parse(stdout);
    if (!ok || !complete || entries !== shape.entries || signed !== shape.signed) {
      throw new Error(`the bundle does not verify as it was made: ${JSON.stringify({ entries, signed, firstBad })}`);
    }
    return { bundleSeconds: seconds, bundleCpuSeconds: cpuSeconds, bundleRssMb: rssMb, bundleMb: size / 1e6 };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export { bundleFigures as run };
