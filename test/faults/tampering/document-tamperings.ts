import { generateKeyPairSync, sign } from 'node:crypto';
import {
  formatNote,
  formatTlogProof,
  formatVkey,
  noteKey,
  parseCheckpoint,
  parseTlogProof,
  signatureLine,
  utf8,
} from '#merkle';
import { BundleWriter, nodeCrypto, type WrittenEntry } from '#proof';
import type { SeededRandom } from '../seeded-random.js';
import type { KnownEntry, TamperedLedger } from './tampered-ledger.js';

// biome-ignore lint/suspicious/noExplicitAny: a forger cares for no type
type Loose = any;

/** A receipt of `entry` that is not what the service gave; `other` is that of another entry. */
export type ReceiptForgery = (receipt: Loose, other: Loose, random: SeededRandom, ledger: TamperedLedger) => Uint8Array;

const json = (value: unknown): Uint8Array => utf8(JSON.stringify(value));

/** Ways to forge a receipt. */
export const RECEIPT_FORGERIES: Record<string, ReceiptForgery> = {
  'a byte': (receipt, _other, random) => flippedText(JSON.stringify(receipt), random),
  'cut off': (receipt, _other, random) => {
    const bytes = json(receipt);
    return bytes.subarray(0, random.below(bytes.length));
  },
  "another entry's body": (receipt, other) => json({ ...receipt, body: other.body }),
  "another entry's body, salt and id": (receipt, { body, salt, entryId }) => json({ ...receipt, body, salt, entryId }),
  "another entry's leaf": (receipt, other) => json({ ...receipt, leaf: other.leaf }),
  "another entry's proof": (receipt, other) => json({ ...receipt, proof: other.proof }),
  'another salt': (receipt, _other, random) => json({ ...receipt, salt: random.bytes(32).toString('base64') }),
  'another number': (receipt, _other, random) =>
    json({ ...receipt, tenantSeq: receipt.tenantSeq + 1 + random.below(9) }),
  'another previous hash': (receipt, _other, random) =>
    json({ ...receipt, prevHash: random.bytes(32).toString('hex') }),
  'another index': (receipt, other) => json({ ...receipt, index: other.index }),
  'another index, in the proof too': (receipt, other) => {
    const proof = parseTlogProof(receipt.proof);
    return json({ ...receipt, index: other.index, proof: formatTlogProof({ ...proof, index: other.index }) });
  },
  'a hash of the proof': (receipt, _other, random) => {
    const proof = parseTlogProof(receipt.proof);
    const hashes = [...proof.hashes];
    hashes[random.below(hashes.length)] = random.bytes(32);
    return json({ ...receipt, proof: formatTlogProof({ ...proof, hashes }) });
  },
  "a checkpoint of the forger's own key": (receipt, _other, _random, { log }) => {
    const proof = parseTlogProof(receipt.proof);
    const forger = generateKeyPairSync('ed25519');
    const publicKey = forger.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
    const key = noteKey(nodeCrypto.sha256, log.origin, publicKey);
    const text = proof.checkpoint.slice(0, proof.checkpoint.indexOf('\n\n') + 1);
    const line = signatureLine(key, (message) => sign(null, message, forger.privateKey), text);
    const forged = formatTlogProof({ ...proof, checkpoint: formatNote(text, [line]) });
    return json({ ...receipt, log: { ...receipt.log, vkey: formatVkey(key) }, proof: forged });
  },
  'an anchor of another head': (receipt, _other, random) => {
    const checkpoint = parseTlogProof(receipt.proof).checkpoint;
    const { size } = parseCheckpoint(checkpoint.slice(0, checkpoint.indexOf('\n\n') + 1));
    const hash = `0x${random.bytes(32).toString('hex')}`;
    const anchor = {
      ...{
        chainId: 1,
        contract: `0x${random.bytes(20).toString('hex')}`,
        txHash: hash,
        blockNumber: 1,
        blockHash: hash,
      },
      ...{ size, root: random.bytes(32).toString('hex'), finality: 'final', independentTrust: true },
    };
    return json({ ...receipt, anchor });
  },
};

/** Ways to forge what says who signed; both receipts are of signed entries. */
export const SIGNED_RECEIPT_FORGERIES: Record<string, ReceiptForgery> = {
  "another request's evidence": (receipt, other) => json({ ...receipt, evidence: other.evidence }),
  'a byte of the signed request': (receipt, _other, random) => {
    const document = bytesOf(receipt.evidence.document);
    const place = random.below(document.length);
    document[place] = (document[place] as number) ^ (1 + random.below(255));
    return json({ ...receipt, evidence: { ...receipt.evidence, document: document.toString('base64') } });
  },
  'a key that the tenant did not enrol': (receipt) => {
    const stranger = generateKeyPairSync('ed25519');
    const publicKey = stranger.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64');
    const chain = receipt.evidence.chain.map((link: Loose) => ({ ...link, publicKey }));
    return json({ ...receipt, evidence: { ...receipt.evidence, chain } });
  },
  'a link of the chain of keys left out': (receipt) =>
    json({ ...receipt, evidence: { ...receipt.evidence, chain: receipt.evidence.chain.slice(1) } }),
};

export interface ForgedBundle {
  bytes: Uint8Array;
  /** The first bad index where there is no doubt about it, or null. */
  index: number | null;
}

export type BundleForgery = (bundle: Uint8Array, random: SeededRandom) => ForgedBundle;

/** Ways to forge a bundle: some clumsy, some with everything written anew that needs no secret. */
export const BUNDLE_FORGERIES: Record<string, BundleForgery> = {
  'a byte': (bundle, random) => ({ bytes: flippedText(Buffer.from(bundle).toString('latin1'), random), index: null }),
  'cut off': (bundle, random) => ({ bytes: bundle.subarray(0, random.below(bundle.length)), index: null }),
  'a line left out': (bundle, random) => {
    const lines = linesOf(bundle);
    lines.splice(random.below(lines.length), 1);
    return { bytes: joined(lines), index: null };
  },
  'two lines swapped': (bundle, random) => {
    const lines = linesOf(bundle);
    const one = random.below(lines.length - 1);
    [lines[one], lines[one + 1]] = [lines[one + 1] as string, lines[one] as string];
    return { bytes: joined(lines), index: null };
  },
  'an entry hidden, all written anew': (bundle, random) =>
    writtenAnew(bundle, random, (leaves, own) => {
      own.entry = null;
      return leaves;
    }),
  'an entry hidden and the later ones renumbered': (bundle, random) =>
    writtenAnew(bundle, random, (leaves, own) => {
      for (const { entry, index } of leaves) if (entry && index > own.index) entry.seq -= 1;
      own.entry = null;
      return leaves;
    }),
  'a leaf left out and the later ones renumbered': (bundle, random) =>
    writtenAnew(bundle, random, (leaves, own) =>
      leaves.filter((leaf) => leaf !== own).map((leaf, index) => ({ ...leaf, index })),
    ),
  'a body replaced, all written anew': (bundle, random) =>
    writtenAnew(bundle, random, (leaves, own) => {
      const others = leaves.filter(({ entry }) => entry?.body && entry.id !== own.entry.id);
      own.entry.body = random.pick(others).entry.body;
      return leaves;
    }),
  'an entry said to be erased, all written anew': (bundle, random) => ({
    ...writtenAnew(bundle, random, (leaves, own) => {
      own.entry = { id: own.entry.id, seq: own.entry.seq, erased: true };
      return leaves;
    }),
    index: null,
  }),
  "another request's evidence, all written anew": (bundle, random) =>
    writtenAnew(
      bundle,
      random,
      (leaves, own) => {
        const others = leaves.filter(
          ({ entry }) => entry?.evidence && entry.evidence.document !== own.entry.evidence.document,
        );
        own.entry.evidence = random.pick(others).entry.evidence;
        return leaves;
      },
      ({ evidence }) => Boolean(evidence),
    ),
  'evidence left out, all written anew': (bundle, random) => ({
    ...writtenAnew(
      bundle,
      random,
      (leaves, own) => {
        own.entry.evidence = null;
        return leaves;
      },
      ({ evidence }) => Boolean(evidence),
    ),
    index: null,
  }),
};

/** The bundle with its leaves changed, then its header and trailer made to agree. */
function writtenAnew(
  bundle: Uint8Array,
  random: SeededRandom,
  change: (leaves: Loose[], own: Loose) => Loose[],
  suits: (entry: Loose) => boolean = ({ body }) => body !== undefined,
): ForgedBundle {
  const lines: Loose[] = linesOf(bundle).map((line) => JSON.parse(line));
  const own = random.pick(lines.filter(({ type, entry }) => type === 'leaf' && entry && suits(entry)));
  const { index } = own;
  const leaves = change(
    lines.filter(({ type }) => type === 'leaf'),
    own,
  );
  const writer = new BundleWriter(nodeCrypto);
  const { origin, vkey, keys, tenant } = lines[0];
  const entries = leaves.filter(({ entry }) => entry !== null).length;
  const bytes = [
    writer.header({ origin, vkey, keys, tenant, size: leaves.length, entries }),
    ...lines.filter(({ type }) => type === 'checkpoint').map(({ note }) => writer.checkpoint(note)),
    ...leaves.map((leaf) => {
      const { entry } = leaf;
      const shown = entry?.erased ? { ...entry, body: null } : opened(entry);
      return writer.leaf(leaf.index, Buffer.from(leaf.hash, 'hex'), bytesOf(leaf.leaf), shown);
    }),
    writer.trailer(),
  ];
  return {
    bytes: Buffer.concat(bytes),
    index: leaves.length === own.index ? null : leaves.includes(own) ? index : null,
  };
}

function opened(entry: Loose): WrittenEntry | null {
  return entry && { ...entry, body: bytesOf(entry.body), salt: bytesOf(entry.salt) };
}

/** Flips bits in one byte, so that the document is another one. */
function flippedText(text: string, random: SeededRandom): Uint8Array {
  const bytes = Buffer.from(text, 'latin1');
  const place = random.below(bytes.length);
  bytes[place] = (bytes[place] as number) ^ (1 + random.below(127));
  return bytes;
}

function linesOf(bundle: Uint8Array): string[] {
  return Buffer.from(bundle).toString('utf8').trimEnd().split('\n');
}

function joined(lines: string[]): Uint8Array {
  return utf8(`${lines.join('\n')}\n`);
}

function bytesOf(base64: string): Buffer {
  return Buffer.from(base64, 'base64');
}

export function differentEntry(
  entries: readonly KnownEntry[],
  { id, tenant }: KnownEntry,
  random: SeededRandom,
): KnownEntry {
  return random.pick(entries.filter((entry) => entry.tenant === tenant && entry.id !== id));
}
