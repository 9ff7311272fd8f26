import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import type { AnchorChain, ChainKey, Hex, RegistryCall } from '#chain';
import type { AnchorPromise, Receipt } from '#proof';
import { UsageError, WaitEndedError } from '../cli-errors.js';
import { type CommandContext, handled } from '../command-context.js';
import type { Terminal } from '../terminal.js';
import { readText } from './tenant-keys.js';

const POLL_MS = 250;
const WAIT_SECONDS = 120;

interface Options {
  fork?: string;
  chainUrl?: string;
  keyFile?: string;
}

/** Turns an anchor promise that was not kept into the contract call that disables its signer. Needs no account. */
export function addReportBrokenPromise(group: Command, terminal: Terminal): void {
  const command = group
    .command('report-broken-promise <file>')
    .description('make the contract call that disables a signer whose anchor promise was broken')
    .option(
      '--fork <receipt>',
      'an anchored receipt with another leaf at the same index, in place of a missed deadline',
    )
    .option('--chain-url <url>', "JSON-RPC of the promise's chain: also asks the contract what it would say")
    .option(
      '--key-file <file>',
      'the secp256k1 key (32 bytes, hexadecimal) of an account that sends the call and pays for it',
    );
  handled(command, terminal, (context, [file], options) => report(context, file!, options as Options));
}

async function report(context: CommandContext, file: string, { fork, chainUrl, keyFile }: Options): Promise<void> {
  if (keyFile !== undefined && chainUrl === undefined)
    throw new UsageError('say with --chain-url where to send the call');
  const { promise, call } = await evidence(file, fork);
  const { chainId, contract: to, signer, size, deadline } = promise;
  const row: Record<string, unknown> = {
    ...{ chainId, to, data: call.data, gas: Number(call.gas), signer, size },
    deadline: new Date(deadline * 1000).toISOString(),
  };
  if (chainUrl === undefined) return context.printer.item(row);
  const chain = await chainAt(chainUrl, chainId);
  const refusal = await chain.simulate(to as Hex, call);
  row.accepted = refusal === null;
  row.refusal = refusal;
  if (keyFile !== undefined && refusal === null) row.transactionHash = await send(chain, promise, call, keyOf(keyFile));
  await context.printer.item(row);
}

/** @throws UsageError when the files are no evidence */
async function evidence(file: string, fork?: string): Promise<{ promise: AnchorPromise; call: RegistryCall }> {
  const { forkedPromiseCall, lateAnchorCall } = await import('#chain');
  const { anchorForkOf, nodeCrypto, parseReceipt, verifyAnchorPromise } = await import('#proof');
  const hex = (bytes: Uint8Array): Hex => `0x${Buffer.from(bytes).toString('hex')}`;
  const receiptIn = (path: string): Receipt => parseReceipt(Buffer.from(readText(path, 'the receipt')));
  try {
    if (fork === undefined) {
      const document = JSON.parse(readText(file, 'the promise')) as Record<string, unknown>;
      const promise = verifyAnchorPromise(Object.hasOwn(document, 'anchorPromise') ? document.anchorPromise : document);
      return { promise, call: lateAnchorCall(argumentsOf(promise)) };
    }
    const found = anchorForkOf(nodeCrypto, receiptIn(file), receiptIn(fork));
    const call = forkedPromiseCall(argumentsOf(found.promise), {
      anchoredSize: BigInt(found.anchoredSize),
      index: BigInt(found.index),
      signedLeaf: hex(found.signedLeaf),
      signedPath: found.signedPath.map(hex),
      anchoredLeaf: hex(found.anchoredLeaf),
      anchoredPath: found.anchoredPath.map(hex),
    });
    return { promise: found.promise, call };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`no promise that binds anybody: ${error instanceof Error ? error.message : 'unreadable'}`);
  }
}

function argumentsOf({ logId, size, root, deadline, signature }: AnchorPromise) {
  return {
    ...{ logId: logId as Hex, size: BigInt(size), root: `0x${root}` as Hex, deadline: BigInt(deadline) },
    signature: signature as Hex,
  };
}

async function chainAt(url: string, expected: number): Promise<AnchorChain> {
  const { AnchorChain, finalityOf } = await import('#chain');
  if (!URL.canParse(url)) throw new UsageError('--chain-url is not a URL');
  const chain = new AnchorChain({ url, finality: finalityOf({ kind: 'dev' }) });
  const chainId = await chain.chainId();
  if (chainId !== expected) throw new UsageError(`the promise is for chain ${expected}, and that is chain ${chainId}`);
  return chain;
}

function keyOf(file: string): Buffer {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim().replace(/^0x/, '');
  } catch (error) {
    throw new UsageError(`the key cannot be read from ${file}: ${(error as NodeJS.ErrnoException).code}`);
  }
  if (!/^[0-9a-fA-F]{64}$/.test(text)) throw new UsageError(`${file} holds no secp256k1 key: 64 hexadecimal digits`);
  return Buffer.from(text, 'hex');
}

/** Returns when it is in a block. @throws WaitEndedError, TransactionRefusedError, ChainUnavailableError */
async function send(chain: AnchorChain, promise: AnchorPromise, call: RegistryCall, secret: Buffer): Promise<string> {
  const { ChainKey } = await import('#chain');
  const key: ChainKey = new ChainKey(secret);
  const signed = await key.signTransaction({
    ...{ chainId: promise.chainId, nonce: await chain.minedNonce(key.address), to: promise.contract as Hex },
    ...call,
    fee: await chain.suggestFee(),
  });
  await chain.send(signed);
  for (const end = Date.now() + WAIT_SECONDS * 1000; Date.now() < end; await delay(POLL_MS)) {
    const [mined] = await chain.receipts([signed.hash]);
    if (mined) return mined.hash;
  }
  throw new WaitEndedError(`The block of ${signed.hash}`, WAIT_SECONDS);
}
