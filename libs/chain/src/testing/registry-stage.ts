import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  ContractFunctionRevertedError,
  createPublicClient,
  http,
  type PublicClient,
  type TransactionReceipt,
} from 'viem';
import { type ChainFixture, nodeRequest, startChainFixture } from '../../../../test/support/chain-fixture.js';
import { ChainKey } from '../chain-key.js';
import { anchorRegistryAbi } from '../contracts/anchor-registry.abi.js';
import {
  anchorCall,
  contractAddress,
  createLogCall,
  creationCall,
  type RegistryCall,
  type SignedAnchorPromise,
} from '../registry-calls.js';
import {
  type AnchorLink,
  type AnchorPromiseTerms,
  anchorLinkHash,
  ascending,
  type Hex,
  type LinkSignature,
  NO_LINK,
  type Registry,
  type SignerSetLink,
  signerSetLinkHash,
} from '../registry-links.js';
import { hex, leafHash } from './naive-tree.js';

/** A log in the registry, with the keys of its signers in the order of their addresses. */
export interface TestLog {
  logId: Hex;
  signers: ChainKey[];
  threshold: number;
  head: Hex;
}

export const random32 = (): Hex => `0x${randomBytes(32).toString('hex')}`;

export function newKey(): ChainKey {
  return new ChainKey(Buffer.concat([Buffer.from([1]), randomBytes(31)]));
}

export function newKeys(count: number): ChainKey[] {
  return Array.from({ length: count }, newKey).sort((a, b) =>
    a.address.toLowerCase() < b.address.toLowerCase() ? -1 : 1,
  );
}

/** The set with which a log begins. */
export function firstSet(logId: Hex, signers: ChainKey[], threshold: number): SignerSetLink {
  return { logId, epoch: 1, threshold, signers: ascending(signers.map((key) => key.address)), prev: NO_LINK };
}

export const linkOf = (log: TestLog, size: bigint, root = random32()): AnchorLink => ({
  logId: log.logId,
  epoch: 1,
  size,
  root,
  prev: log.head,
});

/** An AnchorRegistry on a chain of its own, with an account that sends. */
export class RegistryStage {
  /** What each kind of transaction used. */
  readonly gas: Record<string, number> = {};
  readonly registry: Registry;
  readonly client: PublicClient;
  private readonly account = newKey();
  private nonce = 0;

  private constructor(private readonly fixture: ChainFixture) {
    this.registry = { chainId: fixture.chain.chainId, contract: contractAddress(this.account.address, 0) };
    const transport = http(fixture.chain.url, { retryCount: 0 });
    this.client = createPublicClient({ transport, pollingInterval: 5, cacheTime: 0 });
  }

  static async open(): Promise<RegistryStage> {
    return RegistryStage.on(await startChainFixture());
  }

  /** On a chain that the test has started; it ends with the stage. */
  static async on(fixture: ChainFixture): Promise<RegistryStage> {
    const stage = new RegistryStage(fixture);
    await stage.send(creationCall(), 'creation', null);
    return stage;
  }

  async close(): Promise<void> {
    process.stdout.write(`gas: ${JSON.stringify(this.gas)}\n`);
    await this.fixture.stop();
  }

  get url(): string {
    return this.fixture.chain.url;
  }

  /** Sends a call that must succeed. `label` names it among the gas figures. */
  async send(call: RegistryCall, label?: string, to: Hex | null = this.registry.contract): Promise<TransactionReceipt> {
    const signed = await this.account.signTransaction({
      chainId: this.registry.chainId,
      nonce: this.nonce,
      to,
      ...call,
      fee: { kind: 'fixed', gasPrice: 0n },
    });
    this.nonce += 1;
    await this.client.sendRawTransaction({ serializedTransaction: signed.raw });
    const receipt = await this.client.waitForTransactionReceipt({ hash: signed.hash });
    assert.equal(receipt.status, 'success');
    if (label) this.gas[label] = Number(receipt.gasUsed);
    return receipt;
  }

  /** The name and arguments of the custom error with which the contract refuses the call, or `accepted`. */
  async refusal(call: RegistryCall): Promise<[name: string, ...args: unknown[]]> {
    try {
      await this.client.call({ to: this.registry.contract, data: call.data });
    } catch (error) {
      const revert = (error as { walk(is: (e: unknown) => boolean): unknown }).walk(
        (e) => typeof (e as { data?: unknown }).data === 'string',
      );
      const { data } = revert as { data: Hex };
      const decoded = new ContractFunctionRevertedError({ abi: anchorRegistryAbi, data, functionName: 'anchor' }).data;
      return [decoded?.errorName ?? 'unknown', ...((decoded?.args as unknown[] | undefined) ?? [])];
    }
    return ['accepted'];
  }

  async read(logId: Hex) {
    const [size, root, head, links, epoch, threshold, frozen] = await this.client.readContract({
      abi: anchorRegistryAbi,
      address: this.registry.contract,
      functionName: 'logOf',
      args: [logId],
    });
    return { size, root, head, links, epoch, threshold, frozen };
  }

  signSet(keys: ChainKey[], link: SignerSetLink): Promise<LinkSignature[]> {
    return Promise.all(keys.map((key) => key.signSignerSet(this.registry, link)));
  }

  signLink(keys: ChainKey[], link: AnchorLink): Promise<LinkSignature[]> {
    return Promise.all(keys.map((key) => key.signAnchor(this.registry, link)));
  }

  async createLog(count: number, threshold: number): Promise<TestLog> {
    return this.createLogNamed(random32(), newKeys(count), threshold);
  }

  async createLogNamed(logId: Hex, signers: ChainKey[], threshold: number): Promise<TestLog> {
    const link = firstSet(logId, signers, threshold);
    const signatures = await this.signSet(signers.slice(0, threshold), link);
    await this.send(createLogCall(link, signatures), `createLog ${threshold} of ${signers.length}`);
    return { logId: link.logId, signers, threshold, head: signerSetLinkHash(link) };
  }

  /** A promise with its signature, as whoever waits for an anchor holds it. */
  async promise(key: ChainKey, terms: AnchorPromiseTerms): Promise<SignedAnchorPromise> {
    return { ...terms, signature: (await key.signAnchorPromise(this.registry, terms)).signature };
  }

  /** The node's time now, Unix seconds. */
  async now(): Promise<bigint> {
    return (await this.client.getBlock({ blockTag: 'latest' })).timestamp;
  }

  node<T>(method: string, ...params: unknown[]): Promise<T> {
    return nodeRequest<T>(this.fixture.chain.url, method, params);
  }

  isSigner(logId: Hex, signer: Hex): Promise<boolean> {
    return this.query('isSigner', logId, signer);
  }

  isDisabled(logId: Hex, signer: Hex): Promise<boolean> {
    return this.query('isDisabled', logId, signer);
  }

  verifyInclusion(logId: Hex, claim: { size: number; index: number; leaf: Buffer; path: Buffer[] }): Promise<boolean> {
    const { size, index, leaf, path } = claim;
    return this.client.readContract({
      abi: anchorRegistryAbi,
      address: this.registry.contract,
      functionName: 'verifyInclusion',
      args: [logId, BigInt(size), BigInt(index), hex(leafHash(leaf)), path.map(hex)],
    });
  }

  private query(functionName: 'isSigner' | 'isDisabled', logId: Hex, signer: Hex): Promise<boolean> {
    const { contract: address } = this.registry;
    return this.client.readContract({ abi: anchorRegistryAbi, address, functionName, args: [logId, signer] });
  }

  async anchor(log: TestLog, link: AnchorLink): Promise<TransactionReceipt> {
    const signatures = await this.signLink(log.signers.slice(0, log.threshold), link);
    const receipt = await this.send(anchorCall(link, signatures), `anchor ${log.threshold} of ${log.signers.length}`);
    log.head = anchorLinkHash(link);
    return receipt;
  }
}
