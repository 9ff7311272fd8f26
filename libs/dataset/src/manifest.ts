/**
 * Manifest v1: one version of a dataset. The statement is public (the server keeps and checks it) and names nothing of the
 * plaintext: the file tree is in segments of its own. Its hash is the content root that the ledger records and that the
 * client signs. Format: docs/formats/manifest-v1.md.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson, type DatasetId, idPattern, type MigrationId, type TenantId } from '#kernel';
import { CorruptDatasetError, UntrustedSignatureError } from './dataset.errors.js';
import { type ManifestSigner, verifySignature } from './signing.js';

const hex32 = z.string().regex(/^[0-9a-f]{64}$/);
const ordinal = z.int().min(0);
const range = z.tuple([ordinal, ordinal]);

/** Inclusive ranges of segment ordinals, ascending, with at least one ordinal between two of them. */
export type OrdinalRange = [first: number, last: number];

export const manifestStatementSchema = z
  .strictObject({
    format: z.literal('freehold-manifest'),
    v: z.literal(1),
    tenant: z.string().regex(idPattern('tenant')),
    dataset: z.string().regex(idPattern('dataset')),
    migration: z.string().regex(idPattern('migration')),
    version: z.int().min(1),
    previous: hex32.nullable(),
    time: z.iso.datetime(),
    keyCheck: hex32,
    segments: z.strictObject({
      count: z.int().min(1),
      bytes: z.int().min(1),
      ranges: z.array(range).min(1).max(100_000),
      root: hex32,
    }),
    tree: z.strictObject({ segments: z.array(ordinal).min(1).max(100_000), size: z.int().min(1), hash: hex32 }),
    signer: hex32,
  })
  .superRefine((statement, context) => {
    let count = 0;
    let previousLast = -2;
    for (const [index, [first, last]] of statement.segments.ranges.entries()) {
      if (first > last || first <= previousLast + 1) {
        context.addIssue({
          code: 'custom',
          path: ['segments', 'ranges', index],
          message: 'ranges ascend and neither overlap nor touch',
        });
      }
      previousLast = last;
      count += last - first + 1;
    }
    if (count !== statement.segments.count) {
      context.addIssue({ code: 'custom', path: ['segments', 'count'], message: `the ranges hold ${count} segments` });
    }
    if ((statement.version === 1) !== (statement.previous === null)) {
      context.addIssue({
        code: 'custom',
        path: ['previous'],
        message: 'the first version has no previous content root, every other one has',
      });
    }
  });

export interface ManifestStatement {
  format: 'freehold-manifest';
  v: 1;
  tenant: TenantId;
  dataset: DatasetId;
  migration: MigrationId;
  /** 1 for the first manifest of a dataset. */
  version: number;
  /** The content root of the version before, hex. */
  previous: string | null;
  /** RFC 3339, UTC. */
  time: string;
  /** Tells the right dataset key from a wrong one, hex. */
  keyCheck: string;
  segments: { count: number; bytes: number; ranges: OrdinalRange[]; root: string };
  /** Ordinals of the segments that hold the file tree, in order; bytes of the tree; its keyed hash. */
  tree: { segments: number[]; size: number; hash: string };
  /** The Ed25519 public key that signs, hex. */
  signer: string;
}

/** A statement as it travels: its exact bytes and the signature over its content root. */
export interface SignedManifest {
  statement: Uint8Array;
  signature: Uint8Array;
}

/** SHA-256 of `freehold-manifest-v1\n` and the statement's bytes: 32 bytes, what the ledger records. */
export function contentRoot(statement: Uint8Array): Buffer {
  return createHash('sha256').update('freehold-manifest-v1\n').update(statement).digest();
}

/** The line that is signed: `freehold manifest v1 <content root hex>\n`. */
function signedLine(root: Uint8Array): Buffer {
  return Buffer.from(`freehold manifest v1 ${Buffer.from(root).toString('hex')}\n`);
}

export function signManifest(signer: ManifestSigner, body: Omit<ManifestStatement, 'signer'>): SignedManifest {
  const statement = canonicalJson({ ...body, signer: Buffer.from(signer.publicKey).toString('hex') });
  return { statement, signature: signer.sign(signedLine(contentRoot(statement))) };
}

export interface VerifiedManifest {
  statement: ManifestStatement;
  contentRoot: Buffer;
  signer: Buffer;
}

/**
 * Checks form and signature of a manifest. Whether the signer is one to trust is the caller's to say: `trustedSigners`
 * (raw 32-byte keys), or null to accept any and look at `signer`.
 * @throws CorruptDatasetError, UntrustedSignatureError
 */
export function verifyManifest(
  manifest: SignedManifest,
  trustedSigners: readonly Uint8Array[] | null,
): VerifiedManifest {
  const statement = parseStatement(manifest.statement);
  const signer = Buffer.from(statement.signer, 'hex');
  const root = contentRoot(manifest.statement);
  if (trustedSigners && !trustedSigners.some((trusted) => signer.equals(trusted))) {
    throw new UntrustedSignatureError(
      `manifest ${statement.version} of ${statement.dataset}`,
      `signed by ${statement.signer}, which is not a trusted key`,
    );
  }
  if (!verifySignature(signer, signedLine(root), manifest.signature)) {
    throw new UntrustedSignatureError(
      `manifest ${statement.version} of ${statement.dataset}`,
      'the signature is not over this content root',
    );
  }
  return { statement, contentRoot: root, signer };
}

/** @throws CorruptDatasetError unless the bytes are the canonical form of a statement v1 */
function parseStatement(bytes: Uint8Array): ManifestStatement {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new CorruptDatasetError('manifest', 'not JSON in UTF-8', { cause });
  }
  const parsed = manifestStatementSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new CorruptDatasetError('manifest', `/${issue?.path.join('/') ?? ''}: ${issue?.message ?? 'malformed'}`);
  }
  const statement = parsed.data as ManifestStatement;
  if (!Buffer.from(canonicalJson(statement as never)).equals(bytes)) {
    throw new CorruptDatasetError('manifest', 'not in canonical form (RFC 8785)');
  }
  return statement;
}

/** Turns ascending ordinals into the ranges of a statement. */
export function toRanges(ordinals: Iterable<number>): OrdinalRange[] {
  const ranges: OrdinalRange[] = [];
  for (const next of ordinals) {
    const open = ranges.at(-1);
    if (open && next <= open[1]) throw new RangeError('ordinals must ascend');
    if (open && next === open[1] + 1) open[1] = next;
    else ranges.push([next, next]);
  }
  return ranges;
}
