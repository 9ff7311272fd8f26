import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DevChain, type DevChainOptions } from '#chain';
import type { RunningService } from '#embedded';

/** A development chain of a test file's own, in a folder that goes with it. */
export interface ChainFixture {
  chain: DevChain;
  service: RunningService;
  folder: string;
  stop(): Promise<void>;
}

/** Starts an empty chain. `options` may name another folder: it is not removed then. */
export async function startChainFixture(options: Partial<DevChainOptions> = {}): Promise<ChainFixture> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'freehold-test-chain-'));
  const chain = new DevChain({ ...options, folder });
  const service = await chain.start();
  return {
    chain,
    service,
    folder,
    async stop() {
      await service.stop();
      if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** One JSON-RPC request to a node, for what only tests ask of it (reorganisations, mining by hand). */
export async function nodeRequest<T>(url: string, method: string, params: unknown[] = []): Promise<T> {
  const reply = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
  const { result, error } = (await reply.json()) as { result: T; error?: { message: string } };
  if (error) throw new Error(`${method}: ${error.message}`);
  return result;
}
