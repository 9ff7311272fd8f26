import assert from 'node:assert/strict';
import type fc from 'fast-check';
import type { ChainKey } from '../chain-key.js';
import {
  anchorCall,
  changeSignersCall,
  createLogCall,
  equivocationCall,
  type ForkProof,
  forkedHeadCall,
  forkedPromiseCall,
  lateAnchorCall,
  type RegistryCall,
} from '../registry-calls.js';
import { type AnchorLink, type Hex, type LinkSignature, NO_LINK, type SignerSetLink } from '../registry-links.js';
import {
  inclusionOf,
  type ModelHead,
  type ModelSignature,
  RegistryModel,
  rootOf,
  type Tree,
} from './registry-model.js';
import { type RegistryStage, random32 } from './registry-stage.js';

/**
 * Random dealings with AnchorRegistry by honest and dishonest parties. Each command is sent to the contract and told to the
 * model; both must decide alike, and what the contract then says of the log must be what the model holds.
 */
export interface Real {
  stage: RegistryStage;
  /** In the order of their addresses. */
  keys: readonly ChainKey[];
  logs: readonly Hex[];
  /** The time that the chain has, Unix seconds; moved by hours at once. */
  now: bigint;
  /** Promises that were given, to be brought (again) later. */
  promises: { log: Hex; key: number; tree: Tree; deadline: bigint; signature: Hex }[];
  sent: { accepted: number; refused: number; disabled: number };
}

/** How many keys and logs a run has. */
export const KEYS = 5;
export const LOGS = 2;
const HOUR = 3_600n;
const NEVER = 2n ** 64n - 1n;

abstract class RegistryCommand implements fc.AsyncCommand<RegistryModel, Real> {
  constructor(protected readonly at: number) {}

  check(): boolean {
    return true;
  }

  abstract run(model: RegistryModel, real: Real): Promise<void>;
  abstract toString(): string;

  /** The contract decides as the model did, and stands where the model stands. */
  protected async decide(model: RegistryModel, real: Real, call: RegistryCall, expected: boolean): Promise<void> {
    const [said] = await real.stage.refusal(call);
    assert.equal(said === 'accepted', expected, `${this}: the contract says ${said}`);
    if (expected) await real.stage.send(call);
    real.sent[expected ? 'accepted' : 'refused'] += 1;
    await this.compare(model, real);
  }

  private async compare(model: RegistryModel, { stage, logs, keys }: Real): Promise<void> {
    const logId = logs[this.at]!;
    const log = model.logs.get(logId);
    const held = await stage.read(logId);
    if (!log) return assert.equal(held.epoch, 0, `${this}: the log is there`);
    assert.deepEqual(held, {
      size: BigInt(log.size),
      root: log.tree ? rootOf(log.tree) : NO_LINK,
      head: log.head,
      links: BigInt(log.links),
      epoch: log.epoch,
      threshold: log.threshold,
      frozen: model.isFrozen(logId),
    });
    for (const [at, { address }] of keys.entries()) {
      const [counts, disabled] = await Promise.all([stage.isSigner(logId, address), stage.isDisabled(logId, address)]);
      assert.deepEqual([counts, disabled], [model.isSigner(logId, at), log.disabled.has(at)], `${this}: signer ${at}`);
    }
  }
}

export interface Signing {
  /** Null: as many as are needed of those who may, as who means well has it. */
  keys: number[] | null;
  /** Which of them signs something else. */
  forged: number;
}

function signaturesOf({ keys, forged }: Signing, entitled: number[], threshold: number): ModelSignature[] {
  return (keys ?? entitled.slice(0, threshold)).map((key, at) => ({ key, forged: at === forged }));
}

/** Whoever signs for a log can break its word on it. The last key stays who it is: mostly a stranger. */
function insider(model: RegistryModel, logId: Hex, { key, forged }: ModelSignature): ModelSignature {
  const enrolled = [...(model.logs.get(logId)?.enrolled.keys() ?? [])].sort((a, b) => a - b);
  return { key: key === KEYS - 1 || enrolled.length === 0 ? key : enrolled[key % enrolled.length]!, forged };
}

/** By whom the log's next link would be signed. */
function quorumOf(model: RegistryModel, logId: Hex, by: Signing): ModelSignature[] {
  const log = model.logs.get(logId);
  const entitled = Array.from({ length: KEYS }, (_, key) => key).filter((key) => model.isSigner(logId, key));
  return signaturesOf(by, entitled, log?.threshold ?? 1);
}

export class Create extends RegistryCommand {
  constructor(
    at: number,
    private readonly set: { threshold: number; signers: number[] },
    private readonly by: Signing,
  ) {
    super(at);
  }

  async run(model: RegistryModel, real: Real): Promise<void> {
    const logId = real.logs[this.at]!;
    const link: SignerSetLink = {
      ...{ logId, epoch: 1, threshold: this.set.threshold, prev: NO_LINK },
      signers: this.set.signers.map((key) => real.keys[key]!.address),
    };
    const by = signaturesOf(this.by, this.set.signers, this.set.threshold);
    const call = createLogCall(link, await signSets(real, link, by));
    const expected = model.create(logId, this.set.threshold, this.set.signers, by);
    await this.decide(model, real, call, expected);
  }

  toString() {
    return `create(${this.at}, ${JSON.stringify(this.set)}, ${JSON.stringify(this.by)})`;
  }
}

export class Change extends RegistryCommand {
  constructor(
    at: number,
    private readonly set: { threshold: number; signers: number[] },
    private readonly stale: boolean,
    private readonly by: Signing,
  ) {
    super(at);
  }

  async run(model: RegistryModel, real: Real): Promise<void> {
    const logId = real.logs[this.at]!;
    const log = model.logs.get(logId);
    const prev = this.stale || !log ? random32() : log.head;
    const link: SignerSetLink = {
      ...{ logId, epoch: (log?.epoch ?? 0) + 1, threshold: this.set.threshold, prev },
      signers: this.set.signers.map((key) => real.keys[key]!.address),
    };
    const by = quorumOf(model, logId, this.by);
    const call = changeSignersCall(link, await signSets(real, link, by));
    await this.decide(model, real, call, model.changeSigners(logId, { ...this.set, prev }, by));
  }

  toString() {
    return `change(${this.at}, ${JSON.stringify(this.set)}, ${this.stale ? 'stale' : 'fresh'}, ${JSON.stringify(this.by)})`;
  }
}

export class Anchor extends RegistryCommand {
  constructor(
    at: number,
    private readonly growth: number,
    private readonly forkedAt: number,
    private readonly wrong: 'epoch' | 'prev' | null,
    private readonly by: Signing,
  ) {
    super(at);
  }

  async run(model: RegistryModel, real: Real): Promise<void> {
    const logId = real.logs[this.at]!;
    const log = model.logs.get(logId);
    const size = Math.max(1, (log?.size ?? 0) + this.growth);
    const head: ModelHead = {
      tree: { size, forkedAt: this.forkedAt },
      epoch: (log?.epoch ?? 1) + (this.wrong === 'epoch' ? 1 : 0),
      prev: this.wrong === 'prev' || !log ? random32() : log.head,
    };
    const link = { logId, size: BigInt(size), root: rootOf(head.tree), epoch: head.epoch, prev: head.prev };
    const by = quorumOf(model, logId, this.by);
    const call = anchorCall(link, await signAnchors(real, link, by));
    const before = log?.size ?? 0;
    const expected = model.anchor(logId, head, by);
    assert.ok(!expected || size > before, 'a size that did not grow was accepted');
    await this.decide(model, real, call, expected);
  }

  toString() {
    return `anchor(${this.at}, +${this.growth}, fork ${this.forkedAt}, ${this.wrong}, ${JSON.stringify(this.by)})`;
  }
}

export class Equivocate extends RegistryCommand {
  constructor(
    at: number,
    private readonly trees: [Tree, Tree],
    private readonly by: [ModelSignature, ModelSignature],
  ) {
    super(at);
  }

  async run(model: RegistryModel, real: Real): Promise<void> {
    const logId = real.logs[this.at]!;
    const by = [insider(model, logId, this.by[0]), insider(model, logId, this.by[1])] as const;
    const heads = await Promise.all(
      this.trees.map(async (tree, at) => {
        const link = { logId, epoch: 1, size: BigInt(tree.size), root: rootOf(tree), prev: random32() };
        const { signature } = await signAnchor(real, link, by[at]!);
        return { epoch: 1, root: link.root, prev: link.prev, signature };
      }),
    );
    // Two heads of different sizes can only be brought under one of them.
    const size = BigInt(this.trees[0].size);
    const call = equivocationCall({ logId, size, heads: [heads[0]!, heads[1]!] });
    await this.decide(model, real, call, model.equivocation(logId, this.trees, by));
  }

  toString() {
    return `equivocate(${this.at}, ${JSON.stringify(this.trees)}, ${JSON.stringify(this.by)})`;
  }
}

export class GivePromise extends RegistryCommand {
  constructor(
    at: number,
    private readonly tree: Tree,
    private readonly hours: number | null,
    private readonly by: ModelSignature,
  ) {
    super(at);
  }

  /** Given, not sent anywhere. */
  async run(model: RegistryModel, real: Real): Promise<void> {
    const log = real.logs[this.at]!;
    const { key } = insider(model, log, this.by);
    const deadline = this.hours === null ? NEVER : real.now + BigInt(this.hours) * HOUR + HOUR / 2n;
    const terms = { logId: log, size: BigInt(this.tree.size), root: rootOf(this.tree), deadline };
    const { signature } = await real.keys[key]!.signAnchorPromise(real.stage.registry, terms);
    real.promises.push({ log, key, tree: this.tree, deadline, signature });
  }

  toString() {
    return `promise(${this.at}, ${JSON.stringify(this.tree)}, ${this.hours} h, key ${this.by.key})`;
  }
}

export class Wait extends RegistryCommand {
  async run(_model: RegistryModel, real: Real): Promise<void> {
    real.now += 10n * HOUR;
    await real.stage.node('evm_setNextBlockTimestamp', Number(real.now));
    await real.stage.node('evm_mine');
  }

  toString() {
    return 'wait(10 h)';
  }
}

export class Report extends RegistryCommand {
  constructor(
    at: number,
    private readonly which: number,
    private readonly tamper: boolean,
  ) {
    super(at);
  }

  async run(model: RegistryModel, real: Real): Promise<void> {
    const promise = real.promises[this.which % Math.max(1, real.promises.length)];
    if (!promise) return;
    const logId = real.logs[this.at]!;
    // Brought against another log, or for a larger size, it is a signature over something else.
    const size = promise.tree.size + (this.tamper ? 1 : 0);
    const { deadline, signature } = promise;
    const call = lateAnchorCall({ logId, size: BigInt(size), root: rootOf(promise.tree), deadline, signature });
    // Half an hour away from every time that the chain is moved to: that its own goes on by seconds decides nothing.
    const overdue = deadline < real.now;
    const by = { key: promise.key, forged: this.tamper || promise.log !== logId };
    await this.decide(model, real, call, model.late(logId, { size, overdue }, by));
  }

  toString() {
    return `late(${this.at}, promise ${this.which}, ${this.tamper ? 'tampered' : 'as given'})`;
  }
}

export class ReportFork extends RegistryCommand {
  constructor(
    at: number,
    private readonly signed: Tree,
    private readonly shown: { which: number; forkedAt: number | null },
    private readonly index: number,
    private readonly by: ModelSignature,
    private readonly kind: 'promise' | 'head',
  ) {
    super(at);
  }

  async run(model: RegistryModel, real: Real): Promise<void> {
    const logId = real.logs[this.at]!;
    const anchors = [...(model.logs.get(logId)?.anchors.values() ?? [])];
    const anchored = anchors[this.shown.which % Math.max(1, anchors.length)] ?? { size: 3, forkedAt: 3 };
    const shown = { size: anchored.size, forkedAt: this.shown.forkedAt ?? anchored.forkedAt };
    const index = this.index % Math.min(this.signed.size, shown.size);
    const [ours, theirs] = [inclusionOf(this.signed, index), inclusionOf(shown, index)];
    const fork: ForkProof = {
      ...{ anchoredSize: BigInt(shown.size), index: BigInt(index) },
      ...{ signedLeaf: ours.leaf, signedPath: ours.path, anchoredLeaf: theirs.leaf, anchoredPath: theirs.path },
    };
    const by = insider(model, logId, this.by);
    const call = await this.call(real, logId, fork, by);
    await this.decide(model, real, call, model.fork(logId, this.signed, shown, index, by));
  }

  private async call(real: Real, logId: Hex, fork: ForkProof, by: ModelSignature): Promise<RegistryCall> {
    const [size, root] = [BigInt(this.signed.size), rootOf(this.signed)];
    if (this.kind === 'promise') {
      const terms = { logId, size, root, deadline: NEVER };
      const over = by.forged ? { ...terms, size: size + 1n } : terms;
      const { signature } = await real.keys[by.key]!.signAnchorPromise(real.stage.registry, over);
      return forkedPromiseCall({ ...terms, signature }, fork);
    }
    const link = { logId, epoch: 1, size, root, prev: NO_LINK };
    const { signature } = await signAnchor(real, link, by);
    return forkedHeadCall(logId, size, { epoch: 1, root, prev: NO_LINK, signature }, fork);
  }

  toString() {
    const { at, signed, shown, index, by, kind } = this;
    return `fork(${at}, ${kind}, ${JSON.stringify({ signed, shown, index, by })})`;
  }
}

function signAnchor({ keys, stage }: Real, link: AnchorLink, { key, forged }: ModelSignature): Promise<LinkSignature> {
  return keys[key]!.signAnchor(stage.registry, forged ? { ...link, prev: random32() } : link);
}

const signAnchors = (real: Real, link: AnchorLink, by: readonly ModelSignature[]) =>
  Promise.all(by.map((one) => signAnchor(real, link, one)));

const signSets = ({ keys, stage }: Real, link: SignerSetLink, by: readonly ModelSignature[]) =>
  Promise.all(
    by.map(({ key, forged }) =>
      keys[key]!.signSignerSet(stage.registry, forged ? { ...link, prev: random32() } : link),
    ),
  );
