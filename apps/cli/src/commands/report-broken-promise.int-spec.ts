import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Hex } from '#chain';
import { toHex } from '#merkle';
import { type AnchorPromise, anchorLogId, anchorPromiseOf, type Receipt } from '#proof';
import { linkOf, newKeys, RegistryStage, type TestLog } from '../../../../libs/chain/src/testing/registry-stage.js';
import { SampleLog } from '../../../../libs/proof/src/testing/sample-log.js';
import { freehold } from '../testing/recording-terminal.js';

let stage: RegistryStage;
let home: string;
let count = 0;

beforeAll(async () => {
  stage = await RegistryStage.open();
});
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'freehold-report-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));
afterAll(() => stage.close());

function file(document: unknown): string {
  count += 1;
  const path = join(home, `${count}.json`);
  writeFileSync(path, typeof document === 'string' ? document : JSON.stringify(document));
  return path;
}

/** Two histories of one log that part after `shared` leaves, and the log in the contract. */
async function twoHistories(shared: number, size: number) {
  const origin = `freehold/report-${count}-${Date.now()}`;
  const [honest, shown] = [new SampleLog(origin), new SampleLog(origin)];
  for (let at = honest.size; at < size; at += 1) {
    honest.append(honest.tenants[at % 2]!);
    shown.append(shown.tenants[at < shared ? at % 2 : 0]!);
  }
  const signers = newKeys(1);
  const log: TestLog = await stage.createLogNamed(anchorLogId(origin) as Hex, signers, 1);
  return { honest, shown, log };
}

async function promiseOf(log: TestLog, tree: SampleLog, size: number, deadline: number): Promise<AnchorPromise> {
  const { chainId, contract } = stage.registry;
  const root = toHex(await tree.tileTree().root(size));
  const terms = { chainId, contract: contract.toLowerCase(), logId: log.logId, size, root, deadline };
  const of = { logId: log.logId, size: BigInt(size), root: `0x${root}` as Hex, deadline: BigInt(deadline) };
  const { signer, signature } = await log.signers[0]!.signAnchorPromise(stage.registry, of);
  return anchorPromiseOf(terms, signer, Buffer.from(signature.slice(2), 'hex'));
}

async function anchoredReceipt(log: TestLog, tree: SampleLog, index: number, size: number): Promise<Receipt> {
  await stage.anchor(log, linkOf(log, BigInt(size), `0x${toHex(await tree.tileTree().root(size))}`));
  const receipt = await tree.receipt(index, size);
  const { chainId, contract } = stage.registry;
  return { ...receipt, anchor: { ...receipt.anchor!, chainId, contract } };
}

const run = (...args: string[]) => freehold(['ledger', 'report-broken-promise', ...args, '-o', 'json']);

describe('freehold ledger report-broken-promise', () => {
  it('prints the call that disables a signer, of a promise or of the receipt that carries it', async () => {
    const { honest, log } = await twoHistories(9, 9);
    const promise = await promiseOf(log, honest, 9, 1_000);
    const receipt = { ...(await honest.receipt(4, 9)), anchor: null, anchorPromise: promise };
    const [alone, carried] = [await run(file(promise)), await run(file(receipt))];
    expect([alone.code, alone.err]).toEqual([0, '']);
    expect(carried.out).toBe(alone.out);
    const printed = JSON.parse(alone.out);
    expect(printed).toMatchObject({
      chainId: stage.registry.chainId,
      to: promise.contract,
      signer: promise.signer,
      size: 9,
    });
    await stage.send({ data: printed.data, gas: BigInt(printed.gas) });
    expect(await stage.isDisabled(log.logId, log.signers[0]!.address)).toBe(true);
  });

  it('asks the contract first, and sends nothing that it would refuse', async () => {
    const { honest, log } = await twoHistories(9, 9);
    const keyFile = file('07'.repeat(32));
    const future = file(await promiseOf(log, honest, 9, 4_000_000_000));
    const early = await run(future, '--chain-url', stage.url, '--key-file', keyFile);
    expect(JSON.parse(early.out)).toMatchObject({ accepted: false, refusal: 'PromiseNotDue' });
    expect(JSON.parse(early.out).transactionHash).toBeUndefined();
    const due = file(await promiseOf(log, honest, 9, 1_000));
    const sent = await run(due, '--chain-url', stage.url, '--key-file', keyFile);
    expect(JSON.parse(sent.out)).toMatchObject({ accepted: true, transactionHash: expect.stringMatching(/^0x/) });
    expect(await stage.isDisabled(log.logId, log.signers[0]!.address)).toBe(true);
    expect(sent.out + sent.err).not.toContain('0707');
    const again = await run(due, '--chain-url', stage.url, '--key-file', keyFile);
    expect(JSON.parse(again.out)).toMatchObject({ accepted: false, refusal: 'SignerDisabled' });
  });

  it('makes the proof of a fork out of two receipts, and none out of one history', async () => {
    const { honest, shown, log } = await twoHistories(5, 12);
    const anchored = file(await anchoredReceipt(log, honest, 7, 12));
    const promised = async (tree: SampleLog, index: number, size: number) => {
      const receipt = await tree.receipt(index, size);
      return file({ ...receipt, anchor: null, anchorPromise: await promiseOf(log, tree, size, 4_000_000_000) });
    };
    const same = await run(await promised(honest, 7, 9), '--fork', anchored, '--chain-url', stage.url);
    expect([same.code, same.err]).toEqual([2, expect.stringContaining('the same leaf')]);
    const other = await run(await promised(shown, 6, 9), '--fork', anchored);
    expect([other.code, other.err]).toEqual([2, expect.stringContaining('not for one')]);
    const found = await run(await promised(shown, 7, 9), '--fork', anchored, '--chain-url', stage.url);
    expect([found.err, JSON.parse(found.out)]).toEqual([
      '',
      expect.objectContaining({ accepted: true, refusal: null }),
    ]);
  });

  it.each<[string, (promise: AnchorPromise) => unknown, string]>([
    ['no JSON', () => 'promise', 'no promise that binds anybody'],
    ['a receipt without a promise', (promise) => ({ anchorPromise: null, promise }), 'not an object'],
    ['a promise that nobody signed', (promise) => ({ ...promise, size: promise.size + 1 }), 'did not sign'],
  ])('refuses %s', async (_what, made, message) => {
    const { honest, log } = await twoHistories(4, 4);
    const outcome = await run(file(made(await promiseOf(log, honest, 4, 1_000))));
    expect([outcome.code, outcome.err]).toEqual([2, expect.stringContaining(message)]);
  });

  it('says what is wrong with the chain and the key', async () => {
    const { honest, log } = await twoHistories(4, 4);
    const promise = file(await promiseOf(log, honest, 4, 1_000));
    const elsewhere = file(
      await promiseOf(log, honest, 4, 1_000).then(async (good) => {
        const of = { logId: log.logId, size: 4n, root: `0x${good.root}` as Hex, deadline: 1_000n };
        const { signature } = await log.signers[0]!.signAnchorPromise({ ...stage.registry, chainId: 1 }, of);
        return { ...good, chainId: 1, signature };
      }),
    );
    const cases: [string[], string][] = [
      [[promise, '--key-file', promise], 'say with --chain-url'],
      [[promise, '--chain-url', 'nowhere'], 'not a URL'],
      [[elsewhere, '--chain-url', stage.url], 'is for chain 1'],
      [[promise, '--chain-url', stage.url, '--key-file', promise], 'holds no secp256k1 key'],
      [[promise, '--chain-url', stage.url, '--key-file', join(home, 'none')], 'ENOENT'],
      [[join(home, 'none')], 'ENOENT'],
    ];
    for (const [args, message] of cases) {
      const outcome = await run(...args);
      expect([args.at(-1), outcome.code, outcome.err]).toEqual([args.at(-1), 2, expect.stringContaining(message)]);
    }
  });
});
