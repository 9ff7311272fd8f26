import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { type ChainFixture, nodeRequest, startChainFixture } from '../../../test/support/chain-fixture.js';
import { AnchorChain } from './anchor-chain.js';
import { ChainUnavailableError, TransactionRefusedError } from './chain.errors.js';
import { ChainKey, type SignedTransaction } from './chain-key.js';
import { DEV_CHAIN_ID } from './dev-chain.js';
import { finalityOf } from './finality.js';
import { contractAddress, createLogCall, creationCall } from './registry-calls.js';
import { type Hex, NO_LINK, type SignerSetLink, signerSetLinkHash } from './registry-links.js';

const account = new ChainKey(Buffer.alloc(32, 9));
const signer = new ChainKey(Buffer.alloc(32, 10));
const contract = contractAddress(account.address, 0);
const registry = { chainId: DEV_CHAIN_ID, contract };
const logId: Hex = `0x${'5a'.repeat(32)}`;
const free = { kind: 'fixed', gasPrice: 0n } as const;

describe('AnchorChain', () => {
  let fixture: ChainFixture;
  let chain: AnchorChain;
  let creation: SignedTransaction;
  const servers: Server[] = [];

  beforeAll(async () => {
    fixture = await startChainFixture();
    chain = new AnchorChain({ url: fixture.chain.url, finality: finalityOf({ kind: 'dev' }) });
    creation = await account.signTransaction({
      chainId: DEV_CHAIN_ID,
      nonce: 0,
      to: null,
      ...creationCall(),
      fee: free,
    });
  });

  afterAll(async () => {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
    await fixture.stop();
  });

  const client = (url: string, timeoutMs = 300) =>
    new AnchorChain({ url, finality: finalityOf({ kind: 'dev' }), timeoutMs });

  /** An endpoint that answers as told, or never. */
  function endpoint(answer: ((body: string) => [status: number, body: string]) | null): Promise<string> {
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (part) => {
        body += part;
      });
      request.on('end', () => {
        if (!answer) return;
        const [status, text] = answer(body);
        response.writeHead(status, { 'content-type': 'application/json' }).end(text);
      });
    });
    servers.push(server);
    return new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
    });
  }

  async function mined(transaction: SignedTransaction) {
    const deadline = Date.now() + 10_000;
    for (;;) {
      const [receipt] = await chain.receipts([transaction.hash]);
      if (receipt) return receipt;
      if (Date.now() > deadline) throw new Error('not mined');
    }
  }

  it('sends a raw transaction any number of times: the node has it once', async () => {
    expect(await chain.readLog(contract, logId)).toBeNull();
    expect(await chain.readRoot(contract, logId, 1n)).toBeNull();
    expect(await chain.send(creation)).toBe('accepted');
    const receipt = await mined(creation);
    expect(receipt).toMatchObject({ hash: creation.hash, succeeded: true });
    expect(await chain.send(creation)).toBe('known');
    expect(await chain.minedNonce(account.address)).toBe(1);
    expect(await chain.blockHash(receipt.blockNumber)).toBe(receipt.blockHash);
    expect(await chain.blockHash(receipt.blockNumber + 1_000n)).toBeNull();
  });

  it('takes a transaction that is ahead of its turn, again and again, and mines it in turn', async () => {
    const link: SignerSetLink = { logId, epoch: 1, threshold: 1, signers: [signer.address], prev: NO_LINK };
    const create = await account.signTransaction({
      chainId: DEV_CHAIN_ID,
      nonce: 1,
      to: contract,
      ...createLogCall(link, [await signer.signSignerSet(registry, link)]),
      fee: free,
    });
    const later = await account.signTransaction({
      chainId: DEV_CHAIN_ID,
      nonce: 2,
      to: contract,
      data: '0x',
      gas: 50_000n,
      fee: free,
    });
    expect(await chain.send(later)).toBe('accepted');
    expect(await chain.send(later)).toBe('known');
    expect(await chain.receipts([later.hash, create.hash])).toEqual([null, null]);
    expect(await chain.readLog(contract, logId)).toBeNull();
    await chain.send(create);
    expect((await mined(create)).succeeded).toBe(true);
    expect((await mined(later)).succeeded).toBe(false);
    expect(await chain.readLog(contract, logId)).toEqual({
      size: 0n,
      root: NO_LINK,
      head: signerSetLinkHash(link),
      links: 1n,
      epoch: 1,
      threshold: 1,
      frozen: false,
    });
    expect(await chain.readRoot(contract, logId, 5n)).toBeNull();
  });

  it('tells a transaction the chain cannot take from a chain that cannot be reached', async () => {
    const starved = await account.signTransaction({
      chainId: DEV_CHAIN_ID,
      nonce: 3,
      to: contract,
      data: '0x',
      gas: 100n,
      fee: free,
    });
    await expect(chain.send(starved)).rejects.toThrow(TransactionRefusedError);
    const torn: SignedTransaction = { raw: '0x1234', hash: NO_LINK };
    await expect(chain.send(torn)).rejects.toThrow(TransactionRefusedError);
    await expect(client('http://127.0.0.1:9').send(creation)).rejects.toThrow(ChainUnavailableError);
  });

  it('says what the chain is worth: a development node is never independent, whatever finality is set', async () => {
    const claimed = new AnchorChain({ url: fixture.chain.url, finality: finalityOf({ kind: 'qbft' }) });
    expect(await claimed.describe()).toMatchObject({
      chainId: DEV_CHAIN_ID,
      independentTrust: false,
      client: expect.stringMatching(/^anvil/),
    });
    const besu = await endpoint((body) => {
      const requests = JSON.parse(body) as { id: number; method: string }[];
      const results: Record<string, string> = { eth_chainId: '0x539', web3_clientVersion: 'besu/v26.1.0' };
      return [200, JSON.stringify(requests.map(({ id, method }) => ({ jsonrpc: '2.0', id, result: results[method] })))];
    });
    const real = new AnchorChain({ url: besu, finality: finalityOf({ kind: 'qbft' }) });
    expect(await real.describe()).toEqual({ chainId: 1337, client: 'besu/v26.1.0', independentTrust: true });
  });

  it('asks the chain for finality and fees', async () => {
    expect(await chain.finalThrough()).toBe((await chain.latestBlock()).number);
    const deep = new AnchorChain({ url: fixture.chain.url, finality: finalityOf({ kind: 'depth', blocks: 3 }) });
    expect(await deep.finalThrough()).toBe((await chain.latestBlock()).number - 2n);
    const tagged = new AnchorChain({ url: fixture.chain.url, finality: finalityOf({ kind: 'finalized' }) });
    expect(await tagged.finalThrough()).toBe(
      BigInt(
        (await nodeRequest<{ number: string }>(fixture.chain.url, 'eth_getBlockByNumber', ['finalized', false])).number,
      ),
    );
    expect(await chain.suggestFee()).toEqual(free);
  });

  it.each([
    ['nobody listens', async () => 'http://127.0.0.1:9'],
    ['never answers', () => endpoint(null)],
    ['answers 502', () => endpoint(() => [502, 'Bad Gateway'])],
    ['answers no JSON', () => endpoint(() => [200, '<html>login</html>'])],
    [
      'answers an error to everything',
      () =>
        endpoint((body) => [
          200,
          JSON.stringify(
            (JSON.parse(body) as { id: number }[]).map?.(({ id }) => ({
              jsonrpc: '2.0',
              id,
              error: { code: -32603, message: 'internal' },
            })) ?? { jsonrpc: '2.0', id: 1, error: { code: -32603, message: 'internal' } },
          ),
        ]),
    ],
  ])('is unavailable, in bounded time and with a cause, when the endpoint %s', async (_what, url) => {
    const broken = client(await url());
    const begun = Date.now();
    const asked: (() => Promise<unknown>)[] = [
      () => broken.chainId(),
      () => broken.describe(),
      () => broken.minedNonce(account.address),
      () => broken.latestBlock(),
      () => broken.blockHash(1n),
      () => broken.finalThrough(),
      () => broken.readLog(contract, logId),
      () => broken.readRoot(contract, logId, 1n),
      () => broken.verifyInclusion(contract, logId, { size: 1n, index: 0n, leafHash: NO_LINK, path: [] }),
      () => broken.receipts([NO_LINK]),
      () => broken.suggestFee(),
    ];
    for (const ask of asked) {
      const error = await ask().then(
        () => null,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(ChainUnavailableError);
      expect((error as Error).cause).toBeInstanceOf(Error);
    }
    expect(Date.now() - begun).toBeLessThan(asked.length * 1_000);
  });

  it('keeps the credentials of its endpoint out of every error', async () => {
    for (const url of [
      'http://someone:pa55word@127.0.0.1:9/v3/cafe0123secret',
      'http://127.0.0.1:9/v3/cafe0123secret?key=pa55word',
    ]) {
      const error = await client(url)
        .chainId()
        .then(
          () => null,
          (thrown: unknown) => thrown,
        );
      expect(error).toBeInstanceOf(ChainUnavailableError);
      expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/pa55word|cafe0123secret|someone/);
    }
  });
});
