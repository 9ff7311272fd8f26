import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { projectRoot } from '#config';
import { identify, isAlive, type ProcessIdentity } from '#embedded';
import { type ChainFixture, nodeRequest, startChainFixture } from '../../../test/support/chain-fixture.js';
import { ChainKey } from './chain-key.js';
import { DEV_CHAIN_ID } from './dev-chain.js';
import { contractAddress, creationCall, registryCode } from './registry-calls.js';

const MIB = 1024 * 1024;
const key = new ChainKey(Buffer.alloc(32, 7));

async function until(condition: () => boolean | Promise<boolean>, what: string, timeoutMs = 20_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not in ${timeoutMs} ms: ${what}`);
    await delay(20);
  }
}

const minedNonce = async (url: string) =>
  Number(await nodeRequest<string>(url, 'eth_getTransactionCount', [key.address, 'latest']));

/** Fills the chain with transactions `from` to `to`, the first of which creates the registry. */
async function fill(url: string, from: number, to: number): Promise<void> {
  for (let nonce = from; nonce < to; nonce += 1) {
    const call =
      nonce === 0
        ? { to: null, ...creationCall() }
        : { to: key.address, data: `0x${'ab'.repeat(300)}` as const, gas: 100_000n };
    const { raw } = await key.signTransaction({
      chainId: DEV_CHAIN_ID,
      nonce,
      ...call,
      fee: { kind: 'fixed', gasPrice: 0n },
    });
    await nodeRequest(url, 'eth_sendRawTransaction', [raw]);
  }
  await until(async () => (await minedNonce(url)) === to, `${to} transactions mined`);
}

const headHash = async (url: string) =>
  (await nodeRequest<{ hash: string }>(url, 'eth_getBlockByNumber', ['latest', false])).hash;

describe('DevChain', () => {
  const folders: string[] = [];
  const running: ChainFixture[] = [];
  const newFolder = () => {
    const folder = mkdtempSync(join(tmpdir(), 'freehold-test-chain-'));
    folders.push(folder);
    return folder;
  };
  const start = async (options: Parameters<typeof startChainFixture>[0]) => {
    const fixture = await startChainFixture(options);
    running.push(fixture);
    return fixture;
  };

  afterEach(async () => {
    for (const fixture of running.splice(0)) await fixture.stop();
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });

  it('starts in well under two seconds, costs nothing to use, and has no accounts or mnemonic of its own', async () => {
    const begun = Date.now();
    const { chain, folder } = await start({ folder: newFolder() });
    expect(Date.now() - begun).toBeLessThan(2_000);
    expect(await nodeRequest(chain.url, 'eth_accounts')).toEqual([]);
    await fill(chain.url, 0, 2);
    const written = readdirSync(folder)
      .map((name) => readFileSync(join(folder, name), 'utf8'))
      .join('\n');
    expect(written).not.toMatch(/mnemonic|private key|junk/i);
  });

  it('goes on where it was after a clean stop, on the same port, with recent receipts', async () => {
    const folder = newFolder();
    const first = await start({ folder });
    await fill(first.chain.url, 0, 5);
    const head = await headHash(first.chain.url);
    await first.stop();
    const second = await start({ folder });
    expect(second.chain.url).toBe(first.chain.url);
    expect(await headHash(second.chain.url)).toBe(head);
    expect(await nodeRequest(second.chain.url, 'eth_getCode', [contractAddress(key.address, 0), 'latest'])).toBe(
      registryCode(),
    );
    const block = await nodeRequest<{ transactions: string[] }>(second.chain.url, 'eth_getBlockByNumber', [
      'latest',
      false,
    ]);
    expect(await nodeRequest(second.chain.url, 'eth_getTransactionReceipt', [block.transactions[0]])).toMatchObject({
      status: '0x1',
    });
    await fill(second.chain.url, 5, 7);
  });

  it('goes on from its last snapshot after kill -9, and empty when the snapshot does not load', async () => {
    const folder = newFolder();
    const lines: string[] = [];
    const first = await start({ folder });
    await fill(first.chain.url, 0, 3);
    await first.chain.snapshot();
    await fill(first.chain.url, 3, 4);
    process.kill(first.service.pid as number, 'SIGKILL');
    expect(await first.service.died).toBe('anvil ended by SIGKILL');
    const second = await start({ folder, log: (line) => lines.push(line) });
    expect(await minedNonce(second.chain.url)).toBe(3);
    process.kill(second.service.pid as number, 'SIGKILL');
    await second.service.died;
    for (const broken of ['{"best_block_number":3}', '{"torn']) {
      writeFileSync(join(folder, 'state.json'), broken);
      const third = await start({ folder, log: (line) => lines.push(line) });
      expect(await minedNonce(third.chain.url)).toBe(0);
      expect(third.chain.url).toBe(first.chain.url);
      process.kill(third.service.pid as number, 'SIGKILL');
      await third.service.died;
    }
    expect(lines).toEqual([expect.stringContaining('does not load')]);
  });

  it('bounds its memory by starting anew from a snapshot, on the same port and with the same head', async () => {
    const { chain, service } = await start({ folder: newFolder() });
    await fill(chain.url, 0, 1_500);
    const [before, pid, head] = [chain.residentBytes, service.pid, await headHash(chain.url)];
    await chain.recycle();
    expect(chain.residentBytes).toBeLessThan(30 * MIB);
    expect(before).toBeGreaterThan(chain.residentBytes + 10 * MIB);
    expect(service.pid).not.toBe(pid);
    expect(await headHash(chain.url)).toBe(head);
    await fill(chain.url, 1_500, 1_510);
    process.stdout.write(
      `anvil: ${Math.round(before / MIB)} MiB after 1,500 transactions, ${Math.round(chain.residentBytes / MIB)} after recycling\n`,
    );
  });

  it('recycles by itself above the limit, and that is not its death', async () => {
    const { chain, service } = await start({ folder: newFolder(), memoryLimitMb: 24 });
    let died = false;
    void service.died.then(() => {
      died = true;
    });
    const pid = service.pid;
    await fill(chain.url, 0, 400).catch(() => undefined);
    await until(() => service.pid !== pid && service.pid !== null, 'a second process');
    expect(died).toBe(false);
    const second = service.pid as number;
    await until(async () => (await minedNonce(chain.url).catch(() => 0)) > 0, 'an answer');
    expect(identify(second)).not.toBeNull();
  });

  it('takes over the process of a predecessor that was killed, and ends one that serves another chain', async () => {
    const folder = newFolder();
    const first = await start({ folder });
    await fill(first.chain.url, 0, 1);
    const second = await start({ folder });
    expect(second.service.pid).toBe(first.service.pid);
    const identity = identify(first.service.pid as number) as ProcessIdentity;
    const other = await start({ folder, chainId: 4242 });
    expect(isAlive(identity)).toBe(false);
    expect(await first.service.died).toMatch(/^anvil /);
    expect(await second.service.died).toBe('anvil is gone');
    expect(Number(await nodeRequest<string>(other.chain.url, 'eth_chainId'))).toBe(4242);
  });

  it('gives a clear error and leaves nothing running when its port is taken', async () => {
    const { chain } = await start({ folder: newFolder() });
    const port = Number(new URL(chain.url).port);
    const folder = newFolder();
    await expect(startChainFixture({ folder, port })).rejects.toThrow(`port ${port} is taken`);
    expect(existsSync(join(folder, 'process.json'))).toBe(false);
  });

  it('dies with a parent that is killed', async () => {
    const folder = newFolder();
    const entry = pathToFileURL(join(projectRoot(), 'dist/libs/chain/src/index.js')).href;
    const script = `
      const { DevChain } = await import(${JSON.stringify(entry)});
      const service = await new DevChain({ folder: ${JSON.stringify(folder)} }).start();
      console.log(service.pid);
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const anvil = identify(Number(line.toString().trim()));
    expect(anvil).not.toBeNull();
    parent.kill('SIGKILL');
    await until(() => !isAlive(anvil as ProcessIdentity), 'the chain is gone');
  });
});
