import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import {
  concatBytes,
  formatCheckpoint,
  formatNote,
  formatVkey,
  HASH_BYTES,
  noteKey,
  signatureLine,
  type Tile,
  TileTree,
  TreeAppender,
  TreeHasher,
  toHex,
  utf8,
} from '#merkle';
import type { AnchorRecord } from '../anchor-record.js';
import { BundleWriter } from '../bundle-format.js';
import { encodeBody, type LedgerBody } from '../ledger-body.js';
import { encodeLeaf, NO_PREVIOUS_LEAF, viewKeyCommitment } from '../ledger-leaf.js';
import { nodeCrypto } from '../node-crypto.js';
import { buildReceipt, type Receipt } from '../receipt.js';

const hasher = new TreeHasher(nodeCrypto.sha256);

/** Everything here is derived from numbers, so that vectors can be written down. */
export function derived(label: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(label).digest());
}

/** An Ed25519 key pair from 32 bytes. */
export function signingKey(seed: Uint8Array) {
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  const publicKey = new Uint8Array(createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(12));
  return { publicKey, sign: (message: Uint8Array) => new Uint8Array(sign(null, message, privateKey)) };
}

interface LoggedEntry {
  tenant: string;
  id: string;
  body: Uint8Array;
  salt: Uint8Array;
  tenantSeq: number;
  prevHash: Uint8Array;
  leaf: Uint8Array;
}

/** A log as the service would keep one, in memory, with two tenants. A hostile operator overrides parts of it. */
export class SampleLog {
  readonly origin: string;
  readonly signer = signingKey(derived('log key'));
  readonly key;
  readonly entries: LoggedEntry[] = [];
  readonly tenants = ['tnt-0000000000000000a', 'tnt-0000000000000000b'];
  readonly viewKeys = this.tenants.map((tenant) => derived(`view key ${tenant}`));
  readonly rootSigner = signingKey(derived('root key'));
  readonly rootPublicKey = Buffer.from(this.rootSigner.publicKey).toString('base64');
  private readonly tiles = new Map<string, Uint8Array>();
  private readonly tree = TreeAppender.empty(hasher);
  private readonly heads = new Map<string, { seq: number; hash: Uint8Array }>();

  constructor(origin = 'freehold/sample') {
    this.origin = origin;
    this.key = noteKey(nodeCrypto.sha256, origin, this.signer.publicKey);
    for (const tenant of this.tenants) this.appendGenesis(tenant);
  }

  get vkey(): string {
    return formatVkey(this.key);
  }

  get size(): number {
    return this.entries.length;
  }

  body(tenant: string, at: number): LedgerBody {
    const digits = at.toString(16).padStart(17, '0');
    return {
      v: 1,
      id: `led-${digits}`,
      tenant,
      class: 'configuration',
      action: 'subnet.created',
      actor: { type: 'user', id: 'usr-00000000000000001' },
      keyId: 'key-00000000000000001',
      resource: { type: 'subnet', id: `subnet-${digits}`, version: 1 },
      before: null,
      after: { cidr: `10.0.${at % 256}.0/24`, name: `Straße ${at}` },
      requestId: `req-${digits}`,
      time: '2026-11-23T12:00:00.000Z',
      vouched: { mode: 'custodial' },
    };
  }

  private appendGenesis(tenant: string): void {
    const viewKey = this.viewKeys[this.tenants.indexOf(tenant)]!;
    this.appendBody({
      ...this.body(tenant, this.size),
      class: 'system',
      action: 'tenant.genesis',
      resource: { type: 'tenant', id: tenant, version: 1 },
      after: { rootPublicKey: this.rootPublicKey, viewKeyCommitment: viewKeyCommitment(nodeCrypto, viewKey) },
    });
  }

  append(tenant: string): void {
    this.appendBody(this.body(tenant, this.size));
  }

  appendBody(body: LedgerBody): void {
    const head = this.heads.get(body.tenant) ?? { seq: 0, hash: NO_PREVIOUS_LEAF };
    const opening = {
      body: encodeBody(body),
      salt: derived(`salt ${body.id}`),
      tenantSeq: head.seq + 1,
      prevHash: head.hash,
    };
    const viewKey = derived(`view key ${body.tenant}`);
    const leaf = encodeLeaf(nodeCrypto, { origin: this.origin, viewKey, ...opening });
    this.appendLeaf({ tenant: body.tenant, id: body.id, leaf, ...opening });
    this.heads.set(body.tenant, { seq: opening.tenantSeq, hash: hasher.leaf(leaf) });
  }

  appendLeaf(entry: LoggedEntry): void {
    this.entries.push(entry);
    for (const tile of this.tree.append([hasher.leaf(entry.leaf)])) {
      this.tiles.set(`${tile.level}/${tile.index}`, tile.hashes);
    }
  }

  /** The hashes of a tile, as many as there are. */
  storedTile(level: number, index: number): Uint8Array | undefined {
    return this.tiles.get(`${level}/${index}`);
  }

  tileTree(): TileTree {
    return new TileTree(hasher, this.size, (tile: Tile) => this.tiles.get(`${tile.level}/${tile.index}`)!);
  }

  /** As the log serves it, or null where it has no such tile. */
  tile({ level, index, width }: Tile): Uint8Array | null {
    const hashes = this.tiles.get(`${level}/${index}`);
    return hashes && hashes.length >= width * HASH_BYTES ? hashes.subarray(0, width * HASH_BYTES) : null;
  }

  async checkpoint(size = this.size): Promise<string> {
    return this.signed(size, await this.tileTree().root(size));
  }

  signed(size: number, root: Uint8Array): string {
    const text = formatCheckpoint({ origin: this.origin, size, root, extensions: [] });
    return formatNote(text, [signatureLine(this.key, this.signer.sign, text)]);
  }

  async anchor(size = this.size): Promise<AnchorRecord> {
    const root = await this.tileTree().root(size);
    return {
      chainId: 31_337,
      contract: `0x${'c0'.repeat(20)}`,
      txHash: `0x${toHex(derived(`tx ${size}`))}`,
      blockNumber: 12,
      blockHash: `0x${toHex(derived(`block ${size}`))}`,
      size,
      root: toHex(root),
      finality: '1 block of a development chain',
      independentTrust: false,
    };
  }

  async receipt(index: number, size = this.size): Promise<Receipt> {
    const entry = this.entries[index]!;
    return buildReceipt({
      log: { origin: this.origin, vkey: this.vkey },
      keys: [],
      opening: { entryId: entry.id, ...entry },
      evidence: null,
      leaf: entry.leaf,
      index,
      inclusionProof: await this.tileTree().inclusionProof(index, size),
      checkpoint: await this.checkpoint(size),
      anchor: await this.anchor(size),
      anchorPromise: null,
      anchorProof: null,
    });
  }

  /** The bundle of one tenant, as lines. `hide` leaves entries out of it, `checkpoints` are extra sizes. */
  async bundle(tenant: string, { checkpoints = [] as number[], hide = [] as number[] } = {}): Promise<Uint8Array[]> {
    const writer = new BundleWriter(nodeCrypto);
    const own = this.entries.filter((entry, index) => entry.tenant === tenant && !hide.includes(index));
    const { origin, vkey, size } = this;
    const lines = [writer.header({ origin, vkey, keys: [], tenant, size, entries: own.length })];
    for (const size of [...checkpoints, this.size]) lines.push(writer.checkpoint(await this.checkpoint(size)));
    lines.push(writer.anchor(await this.anchor(), null));
    for (const [index, entry] of this.entries.entries()) {
      const opened = own.includes(entry)
        ? { id: entry.id, seq: entry.tenantSeq, body: entry.body, salt: entry.salt, evidence: null }
        : null;
      lines.push(writer.leaf(index, hasher.leaf(entry.leaf), entry.leaf, opened));
    }
    lines.push(writer.trailer());
    return lines;
  }
}

/** The document's bytes, as a file would hold them. */
export function fileOf(document: unknown): Uint8Array {
  return utf8(`${JSON.stringify(document, null, 2)}\n`);
}

export function joined(lines: Uint8Array[]): Uint8Array {
  return concatBytes(...lines);
}
