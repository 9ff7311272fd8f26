import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const ARCHITECTURES: Partial<Record<NodeJS.Architecture, string>> = { x64: 'amd64', arm64: 'arm64' };

/**
 * The native program of @foundry-rs/anvil for this machine: not its Node wrapper, which would stand between us and the
 * process that is to be signalled.
 * @throws Error saying what to install
 */
export function anvilBinary(): string {
  const packageName = `@foundry-rs/anvil-${process.platform}-${ARCHITECTURES[process.arch] ?? process.arch}`;
  const require = createRequire(import.meta.url);
  let manifest: string;
  try {
    // The platform's package is a dependency of anvil's own and need not be hoisted to where we could see it.
    manifest = createRequire(require.resolve('@foundry-rs/anvil/package.json')).resolve(`${packageName}/package.json`);
  } catch (cause) {
    throw new Error(
      `${packageName} is not installed: run "npm install" without --omit=optional, or set CHAIN_URL to a chain that runs elsewhere`,
      { cause },
    );
  }
  const binary = join(dirname(manifest), 'bin', process.platform === 'win32' ? 'anvil.exe' : 'anvil');
  if (!existsSync(binary)) throw new Error(`${packageName} lacks ${binary}: install it again`);
  return binary;
}
