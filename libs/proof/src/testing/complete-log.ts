import { canonicalJson, type JsonValue } from '#kernel';
import { COSIGNATURE_V1, cosignatureLine, formatVkey, noteKey, TreeHasher, toBase64, utf8 } from '#merkle';
import { BundleWriter, type WrittenEntry } from '../bundle-format.js';
import { buildDisclosure } from '../disclosure.js';
import type { ChainedEvidence } from '../entry-evidence.js';
import { encodeEvidence, evidenceCommitment } from '../evidence.js';
import type { LedgerBody } from '../ledger-body.js';
import { nodeCrypto } from '../node-crypto.js';
import { buildReceipt } from '../receipt.js';
import { ERASED_ACTION } from '../replay-rules.js';
import { signatureBase } from '../signature-input.js';
import { enrolmentStatement, type SigningKeyLink } from '../signing-key-link.js';
import { RotatingLog } from './rotating-log.js';
import { derived, signingKey } from './sample-log.js';

const hasher = new TreeHasher(nodeCrypto.sha256);
const TIME = '2026-11-23T12:00:00.000Z';
const ACTOR = 'usr-00000000000000001';

/** Three witnesses of the sample logs. */
export const WITNESSES = ['a', 'b', 'c'].map((letter) => {
  const name = `witness.example/${letter}`;
  const signer = signingKey(derived(name));
  return { signer, key: noteKey(nodeCrypto.sha256, name, signer.publicKey, COSIGNATURE_V1) };
});

/**
 * A log with everything that documents of version 2 can show: signed entries with the enrolments of their keys, entries and
 * evidence that were erased, changes of the log's key, and cosignatures.
 */
export class CompleteLog extends RotatingLog {
  readonly enrolments: SigningKeyLink[] = [];
  private readonly signers = new Map<string, ReturnType<typeof signingKey>>();
  private readonly evidence = new Map<string, Omit<ChainedEvidence, 'chain'>>();
  private readonly erased = new Set<number>();

  get tenant(): string {
    return this.tenants[0]!;
  }

  get viewKey(): Uint8Array {
    return this.viewKeys[0]!;
  }

  /** Enrols the key of that number, signed by an earlier one or by the root. */
  enrol(number: number, by: number | 'root'): string {
    const keyId = keyIdOf(number);
    const signer = signingKey(derived(`signing key ${number}`));
    const enroller = by === 'root' ? this.rootSigner : this.signers.get(keyIdOf(by))!;
    const named = {
      keyId,
      userId: ACTOR,
      publicKey: toBase64(signer.publicKey),
      enrolledBy: by === 'root' ? 'root' : keyIdOf(by),
    };
    const statement = utf8(enrolmentStatement({ origin: this.origin, tenant: this.tenant }, named));
    const link = {
      ...named,
      signature: toBase64(enroller.sign(statement)),
      possession: toBase64(signer.sign(statement)),
    };
    const { keyId: _id, ...after } = link;
    this.signers.set(keyId, signer);
    this.enrolments.push(link);
    this.appendBody({
      ...this.body(this.tenant, this.size),
      action: 'signing-key.enrolled',
      resource: { type: 'signing-key', id: keyId, version: 1 },
      after,
    });
    return keyId;
  }

  /** A subnet that somebody asked for with a signed request. @returns its index */
  appendSigned(keyNumber: number, change: (body: LedgerBody) => LedgerBody = (body) => body): number {
    const keyId = keyIdOf(keyNumber);
    const index = this.size;
    const input = { vpcId: 'vpc-00000000000000001', cidrBlock: `10.1.${index % 256}.0/24`, zone: 'zone-1' };
    const { document, salt, commitment } = this.requestFor(keyId, index, input);
    const body = this.body(this.tenant, index);
    this.evidence.set(body.id, { document: toBase64(document), salt: toBase64(salt) });
    const vouched = { mode: 'signed' as const, keyId, evidence: commitment };
    this.appendBody(change({ ...body, after: { ...input, id: body.resource.id, state: 'pending' }, vouched }));
    return index;
  }

  /** The request behind an entry, shown again for another one. */
  replay(index: number): number {
    const { id, body } = this.entries[index]!;
    const again = { ...(JSON.parse(Buffer.from(body).toString()) as LedgerBody), ...this.named(this.size) };
    this.evidence.set(again.id, this.evidence.get(id)!);
    this.appendBody(again);
    return this.size - 1;
  }

  private named(at: number) {
    const { id, requestId, resource } = this.body(this.tenant, at);
    return { id, requestId, resource };
  }

  /** A key that no key of the tenant signed in. @returns the index of the entry */
  enrolForged(number: number): number {
    this.signers.set(keyIdOf(99), signingKey(derived('a stranger')));
    this.enrol(number, 99);
    return this.size - 1;
  }

  private requestFor(keyId: string, index: number, input: JsonValue) {
    const content = canonicalJson(input);
    const components = [
      ['@method', 'POST'],
      ['@authority', 'cloud.example'],
      ['@path', '/v1/subnets'],
      ['@query', '?'],
      ['content-digest', `sha-256=:${toBase64(nodeCrypto.sha256(content))}:`],
      ['idempotency-key', `key-${index}`],
    ] as const;
    const names = components.map(([name]) => `"${name}"`).join(' ');
    const created = Date.parse(TIME) / 1000;
    const signatureInput = `(${names});created=${created};nonce="n-${index}";keyid="${keyId}";tag="freehold-v1"`;
    const signature = this.signers.get(keyId)!.sign(signatureBase(components, signatureInput));
    const document = encodeEvidence({
      ...{ keyId, signatureInput, components },
      signature: toBase64(signature),
      content: toBase64(content),
    });
    const salt = derived(`evidence salt ${index}`);
    return { document, salt, commitment: evidenceCommitment(nodeCrypto, salt, document) };
  }

  /** Erases an entry's body and salt, and says so in an entry. */
  erase(index: number, { silently = false } = {}): void {
    const { id, body } = this.entries[index]!;
    const { vouched } = JSON.parse(Buffer.from(body).toString()) as LedgerBody;
    const evidence = vouched.mode === 'signed' ? vouched.evidence : null;
    this.erased.add(index);
    this.evidence.delete(id);
    if (silently) return;
    this.appendBody({
      ...this.body(this.tenant, this.size),
      class: 'audit',
      action: ERASED_ACTION,
      resource: { type: 'ledger-entry', id, version: null },
      after: { scope: 'body', reason: 'a request to be forgotten', evidence },
    });
  }

  eraseEvidence(index: number): void {
    this.evidence.delete(this.entries[index]!.id);
  }

  /** With the cosignatures of the first so many witnesses. */
  async cosigned(size = this.size, count = 2): Promise<string> {
    const note = await this.checkpoint(size);
    const text = note.slice(0, note.lastIndexOf('\n\n') + 1);
    const lines = WITNESSES.slice(0, count).map(({ key, signer }) =>
      cosignatureLine(key, signer.sign, text, 1_800_000_000),
    );
    return note + lines.join('');
  }

  private chainedEvidence(index: number): ChainedEvidence | null {
    const { id, body } = this.entries[index]!;
    const stored = this.evidence.get(id);
    if (!stored) return null;
    const { vouched } = JSON.parse(Buffer.from(body).toString()) as LedgerBody;
    const chain: SigningKeyLink[] = [];
    for (
      let keyId = vouched.mode === 'signed' ? vouched.keyId : 'root';
      keyId !== 'root';
      keyId = chain[0]!.enrolledBy
    ) {
      chain.unshift(this.enrolments.find((link) => link.keyId === keyId)!);
    }
    return { ...stored, chain };
  }

  override async receipt(index: number, size = this.size) {
    const entry = this.entries[index]!;
    return buildReceipt({
      log: { origin: this.origin, vkey: this.vkey },
      keys: await this.links(size),
      opening: { entryId: entry.id, ...entry },
      evidence: this.chainedEvidence(index),
      leaf: entry.leaf,
      index,
      inclusionProof: await this.tileTree().inclusionProof(index, size),
      checkpoint: await this.cosigned(size),
      anchor: await this.anchor(size),
      anchorPromise: null,
      anchorProof: null,
    });
  }

  async disclosure(indexes: number[], size = this.size) {
    return buildDisclosure({
      log: { origin: this.origin, vkey: this.vkey },
      keys: await this.links(size),
      tenant: this.tenant,
      checkpoint: await this.cosigned(size),
      anchor: await this.anchor(size),
      anchorProof: null,
      entries: await Promise.all(
        indexes.map(async (index) => ({
          opening: { entryId: this.entries[index]!.id, ...this.entries[index]! },
          leaf: this.entries[index]!.leaf,
          index,
          inclusionProof: await this.tileTree().inclusionProof(index, size),
          evidence: this.chainedEvidence(index),
        })),
      ),
    });
  }

  override async bundle(tenant: string, { checkpoints = [] as number[], hide = [] as number[] } = {}) {
    const writer = new BundleWriter(nodeCrypto);
    const { origin, vkey, size } = this;
    const own = (index: number) => this.entries[index]!.tenant === tenant && !hide.includes(index);
    const entries = [...this.entries.keys()].filter(own).length;
    const lines = [writer.header({ origin, vkey, keys: await this.links(), tenant, size, entries })];
    for (const one of [...checkpoints, size]) lines.push(writer.checkpoint(await this.cosigned(one)));
    lines.push(writer.anchor(await this.anchor(), null));
    for (const [index, { leaf }] of this.entries.entries()) {
      lines.push(writer.leaf(index, hasher.leaf(leaf), leaf, own(index) ? this.written(index) : null));
    }
    lines.push(writer.trailer());
    return lines;
  }

  private written(index: number): WrittenEntry {
    const { id, tenantSeq: seq, body, salt } = this.entries[index]!;
    if (this.erased.has(index)) return { id, seq, body: null };
    return { id, seq, body, salt, evidence: this.evidence.get(id) ?? null };
  }
}

/** One of everything, the same in every run. */
export function completeLog(): CompleteLog {
  const log = new CompleteLog();
  log.enrol(1, 'root');
  for (let at = 0; at < 3; at++) log.append(log.tenants[at % 2]!);
  log.appendSigned(1);
  log.enrol(2, 1);
  const forgotten = log.appendSigned(2);
  log.appendSigned(2);
  log.rotate();
  const unproven = log.appendSigned(1);
  for (let at = 0; at < 3; at++) log.append(log.tenants[at % 2]!);
  log.erase(forgotten);
  log.eraseEvidence(unproven);
  log.appendSigned(2);
  return log;
}

export function witnessVkeys(): string[] {
  return WITNESSES.map(({ key }) => formatVkey(key));
}

function keyIdOf(number: number): string {
  return `sgk-${number.toString(16).padStart(17, '0')}`;
}
