import { BaseError, ContractFunctionZeroDataError, createPublicClient, http, type PublicClient } from 'viem';
import { ChainUnavailableError, TransactionRefusedError } from './chain.errors.js';
import type { SignedTransaction } from './chain-key.js';
import { anchorRegistryAbi } from './contracts/anchor-registry.abi.js';
import type { Fee } from './fee.js';
import type { ChainView, Finality } from './finality.js';
import type { AnchorLink, Hex } from './registry-links.js';
import { LIMIT_EXCEEDED, NOT_SERVED, revertName, rpcAnswer, rpcCode } from './rpc-errors.js';
import { headerRlp, type ProofRefusal, type RpcHeader, type SlotProof } from './slot-proof.js';

export interface AnchorChainOptions {
  /** JSON-RPC over HTTP. May hold a credential: it is never put into a message. */
  url: string;
  finality: Finality;
  /** For one request to the endpoint. Default 5,000. */
  timeoutMs?: number;
}

/** A log's state in the contract. */
export interface AnchoredLog {
  size: bigint;
  root: Hex;
  /** Hash of the last link. */
  head: Hex;
  /** Links so far: signer sets and anchors. */
  links: bigint;
  epoch: number;
  threshold: number;
  /** Too few signers are left for a quorum. */
  frozen: boolean;
}

/** A transaction that is in a block. */
export interface MinedTransaction {
  hash: Hex;
  blockNumber: bigint;
  blockHash: Hex;
  succeeded: boolean;
  gasUsed: bigint;
}

export interface ChainDescription {
  chainId: number;
  /** What the node calls itself. */
  client: string;
  /** Whether what it anchors can be checked with somebody other than the operator. */
  independentTrust: boolean;
}

/** An anchor as the contract reported it. */
export interface FoundAnchor extends AnchorLink {
  /** Hash of the link itself. */
  head: Hex;
  transactionHash: Hex;
  blockNumber: bigint;
  blockHash: Hex;
}

export interface Block {
  number: bigint;
  hash: Hex;
}

/** Nodes that one person runs for themselves, whatever finality is claimed for them. */
const DEVELOPMENT_CLIENT = /^(anvil|hardhat|ganache)/i;
/** What the registry says of a log that it does not know. */
const NO_LOG = [0n, '0x', '0x', 0n, 0, 0, false] as const;
/** As many as every public endpoint searches at once. */
const RECENT_BLOCKS = 5_000n;
/** What nodes say of a transaction that they have had already, or whose nonce is used. */
const ALREADY_THERE =
  /already known|known transaction|already imported|nonce too low|nonce below|replacement transaction underpriced/i;

/**
 * The chain as Freehold uses it: reads of the registry, raw transactions in, receipts out. Sends nothing by itself and keeps
 * no state; every failure of the network is one error type, within a bounded time.
 */
export class AnchorChain {
  readonly finality: Finality;
  private readonly client: PublicClient;
  /** The parts of the endpoint that may hold a credential, longest first. */
  private readonly secrets: readonly string[];

  constructor({ url, finality, timeoutMs = 5_000 }: AnchorChainOptions) {
    this.finality = finality;
    const { username, password, pathname, search } = new URL(url);
    this.secrets = [url, `${pathname}${search}`, pathname, password, username].filter((part) => part.length > 1);
    this.client = createPublicClient({
      transport: http(url, { timeout: timeoutMs, retryCount: 0, batch: { batchSize: 100 } }),
      cacheTime: 0,
    });
  }

  /** Which chain this is (EIP-155). @throws ChainUnavailableError, as everything here */
  chainId(): Promise<number> {
    return this.ask('its chain id', () => this.client.getChainId());
  }

  async describe(): Promise<ChainDescription> {
    const [chainId, client] = await this.ask('what it is', () =>
      Promise.all([this.client.getChainId(), this.client.request({ method: 'web3_clientVersion' })]),
    );
    return {
      chainId,
      client,
      independentTrust: this.finality.independentTrust && !DEVELOPMENT_CLIENT.test(client),
    };
  }

  /** How many transactions of the account are in blocks: the nonce of its next one. */
  minedNonce(account: Hex): Promise<number> {
    return this.ask('an account', () => this.client.getTransactionCount({ address: account, blockTag: 'latest' }));
  }

  /** The newest block. */
  async latestBlock(): Promise<Block> {
    const { number, hash } = await this.ask('its newest block', () => this.client.getBlock({ blockTag: 'latest' }));
    return { number, hash };
  }

  /** The hash of a block of the canonical chain, or null when the node has none of that number (any more). */
  async blockHash(number: bigint): Promise<Hex | null> {
    const block = await this.ask('a block', () =>
      this.client.request({ method: 'eth_getBlockByNumber', params: [`0x${number.toString(16)}`, false] }),
    );
    return block?.hash ?? null;
  }

  /** The highest block number that will not change any more, by the deployment's rule. */
  finalThrough(): Promise<bigint> {
    const view: ChainView = {
      latest: async () => (await this.latestBlock()).number,
      finalized: async () =>
        (await this.ask('its final block', () => this.client.getBlock({ blockTag: 'finalized' }))).number,
    };
    return this.finality.finalThrough(view);
  }

  /**
   * The log's state in the registry, or null when there is no registry at the address or it does not know the log. Of the
   * newest block, or of block `at`, for which nodes keep the state of some hundred blocks only.
   */
  async readLog(contract: Hex, logId: Hex, at?: bigint): Promise<AnchoredLog | null> {
    const read = this.read(() =>
      this.client.readContract({
        abi: anchorRegistryAbi,
        address: contract,
        functionName: 'logOf',
        args: [logId],
        blockNumber: at,
      }),
    );
    const [size, root, head, links, epoch, threshold, frozen] = (await read) ?? NO_LOG;
    return epoch === 0 ? null : { size, root, head, links, epoch, threshold, frozen };
  }

  /** The root anchored for exactly this size, or null. */
  async readRoot(contract: Hex, logId: Hex, size: bigint): Promise<Hex | null> {
    const root = await this.read(() =>
      this.client.readContract({
        abi: anchorRegistryAbi,
        address: contract,
        functionName: 'rootAt',
        args: [logId, size],
      }),
    );
    return root === null || BigInt(root) === 0n ? null : root;
  }

  /** The link that anchored exactly this size and the transaction that it is in, or null. Looks in the newest blocks first. */
  async findAnchor(contract: Hex, logId: Hex, size: bigint): Promise<FoundAnchor | null> {
    const { number: newest } = await this.latestBlock();
    const recent = newest > RECENT_BLOCKS ? newest - RECENT_BLOCKS : 0n;
    for (const fromBlock of recent === 0n ? [0n] : [recent, 0n]) {
      const [event] = await this.ask('its events', () =>
        this.client.getContractEvents({
          abi: anchorRegistryAbi,
          address: contract,
          eventName: 'Anchored',
          args: { logId, size },
          fromBlock,
          toBlock: newest,
          strict: true,
        }),
      );
      if (!event) continue;
      const { epoch, root, prev, head } = event.args;
      const { transactionHash, blockNumber, blockHash } = event;
      return { logId, epoch, size, root, prev, head, transactionHash, blockNumber, blockHash };
    }
    return null;
  }

  /**
   * What proves a slot of a contract's storage in the state of that block, or why this node gives no proof of it.
   * @throws ChainUnavailableError when asking again may help
   */
  async proveSlot(contract: Hex, slot: Hex, block: Block): Promise<SlotProof | ProofRefusal> {
    const number = `0x${block.number.toString(16)}` as const;
    const header = await this.ask('a block', () =>
      this.client.request({ method: 'eth_getBlockByHash', params: [block.hash, false] }),
    );
    if (!header) return 'state-gone';
    const rlp = headerRlp(header as unknown as RpcHeader);
    if (!rlp) return 'header-unknown';
    try {
      const { accountProof, storageProof } = await this.client.request({
        method: 'eth_getProof',
        params: [contract, [slot], number],
      });
      return { header: rlp, accountProof: [...accountProof], storageProof: [...(storageProof[0]?.proof ?? [])] };
    } catch (error) {
      const code = rpcAnswer(error) === null ? LIMIT_EXCEEDED : rpcCode(error);
      if (code === LIMIT_EXCEEDED) throw this.unavailable('for a proof', error);
      return NOT_SERVED.includes(code) ? 'not-served' : 'state-gone';
    }
  }

  /** What the contract would say to a call now: the name of the error with which it refuses, or null when it accepts. */
  async simulate(contract: Hex, { data }: { data: Hex }): Promise<string | null> {
    try {
      await this.client.call({ to: contract, data });
      return null;
    } catch (error) {
      const refusal = revertName(error);
      if (refusal === null) throw this.unavailable('what the contract would say', error);
      return refusal;
    }
  }

  /** The contract's own verdict on an inclusion proof against the root anchored for `size`. */
  verifyInclusion(
    contract: Hex,
    logId: Hex,
    proof: { size: bigint; index: bigint; leafHash: Hex; path: readonly Hex[] },
  ): Promise<boolean> {
    return this.ask('the registry', () =>
      this.client.readContract({
        abi: anchorRegistryAbi,
        address: contract,
        functionName: 'verifyInclusion',
        args: [logId, proof.size, proof.index, proof.leafHash, proof.path],
      }),
    );
  }

  /**
   * Hands a transaction to the node. Sending it again, mined or not, is no error: `known` then. Which of several
   * transactions with one nonce was mined, the receipts tell.
   * @throws TransactionRefusedError, ChainUnavailableError
   */
  async send({ raw, hash }: SignedTransaction): Promise<'accepted' | 'known'> {
    try {
      await this.client.request({ method: 'eth_sendRawTransaction', params: [raw] }, { retryCount: 0 });
      return 'accepted';
    } catch (error) {
      const answer = rpcAnswer(error);
      if (answer === null) throw this.unavailable('to take a transaction', error);
      if (ALREADY_THERE.test(answer)) return 'known';
      throw new TransactionRefusedError(hash, answer);
    }
  }

  /** For each hash the transaction as it is in a block, or null while (or since) it is in none. In the order given. */
  async receipts(hashes: readonly Hex[]): Promise<(MinedTransaction | null)[]> {
    const found = await this.ask('receipts', () =>
      Promise.all(hashes.map((hash) => this.client.request({ method: 'eth_getTransactionReceipt', params: [hash] }))),
    );
    return found.map(
      (receipt) =>
        receipt && {
          hash: receipt.transactionHash,
          blockNumber: BigInt(receipt.blockNumber),
          blockHash: receipt.blockHash,
          succeeded: receipt.status === '0x1',
          gasUsed: BigInt(receipt.gasUsed),
        },
    );
  }

  /** What to offer now: the chain's one price where blocks have no base fee, else what the fee market asks. */
  suggestFee(): Promise<Fee> {
    return this.ask('its fees', async () => {
      const { baseFeePerGas } = await this.client.getBlock({ blockTag: 'latest' });
      if (!baseFeePerGas) return { kind: 'fixed', gasPrice: await this.client.getGasPrice() };
      const tip = await this.client.estimateMaxPriorityFeePerGas();
      return { kind: 'market', maxFeePerGas: baseFeePerGas * 2n + tip, maxPriorityFeePerGas: tip };
    });
  }

  /** The library's messages quote the endpoint, which may hold a credential: the cause that is kept says less. */
  private unavailable(what: string, error: unknown): ChainUnavailableError {
    return new ChainUnavailableError(`The chain could not be asked ${what}.`, new Error(this.withoutSecrets(error)));
  }

  private withoutSecrets(error: unknown): string {
    const reasons: string[] = [];
    for (let cause = error; cause instanceof Error; cause = cause.cause) {
      const { shortMessage } = cause as Partial<BaseError>;
      const { code } = cause as NodeJS.ErrnoException;
      reasons.push([cause.name, shortMessage ?? cause.message, code].filter(Boolean).join(' '));
    }
    return this.secrets.reduce((text, secret) => text.replaceAll(secret, '***'), reasons.join(': '));
  }

  /** Null when there is no code at the contract's address. */
  private read<T>(call: () => Promise<T>): Promise<T | null> {
    return this.ask('the registry', () =>
      call().catch((error: unknown) => {
        if (error instanceof BaseError && error.walk((cause) => cause instanceof ContractFunctionZeroDataError))
          return null;
        throw error;
      }),
    );
  }

  private async ask<T>(what: string, request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      throw this.unavailable(`for ${what}`, error);
    }
  }
}
