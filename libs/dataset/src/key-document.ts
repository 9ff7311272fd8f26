/**
 * The wrapped dataset key as the server keeps it, signed by the client. Anybody can encrypt to an age recipient; without
 * the signature a server could hand the client a dataset key of its own making and read what is encrypted under it.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson, type DatasetId, idPattern } from '#kernel';
import { CorruptDatasetError, UntrustedSignatureError } from './dataset.errors.js';
import { type ManifestSigner, verifySignature } from './signing.js';

const hex32 = z.string().regex(/^[0-9a-f]{64}$/);

export const keyDocumentSchema = z.strictObject({
  format: z.literal('freehold-dataset-key'),
  v: z.literal(1),
  dataset: z.string().regex(idPattern('dataset')),
  /** Armored age text. */
  wrapped: z.string().min(1).max(65_536),
  recipients: z.array(z.string().min(1).max(8192)).min(1).max(32),
  recovery: z.boolean(),
  keyCheck: hex32,
  signer: hex32,
  signature: z.string().regex(/^[0-9a-f]{128}$/),
});

export interface KeyDocument {
  format: 'freehold-dataset-key';
  v: 1;
  dataset: DatasetId;
  wrapped: string;
  /** The recipients, for people: which identities open it. */
  recipients: string[];
  /** False when the owner chose a single recipient with --no-recovery. */
  recovery: boolean;
  keyCheck: string;
  signer: string;
  signature: string;
}

/** The line that is signed: `freehold dataset key v1 <SHA-256 of the document without its signature, hex>\n`. */
function signedLine({ signature: _signature, ...body }: KeyDocument): Buffer {
  const digest = createHash('sha256')
    .update(canonicalJson({ ...body, recipients: [...body.recipients] }))
    .digest('hex');
  return Buffer.from(`freehold dataset key v1 ${digest}\n`);
}

export function signKeyDocument(
  signer: ManifestSigner,
  body: Pick<KeyDocument, 'dataset' | 'wrapped' | 'recipients' | 'recovery' | 'keyCheck'>,
): KeyDocument {
  const document: KeyDocument = {
    format: 'freehold-dataset-key',
    v: 1,
    ...body,
    signer: Buffer.from(signer.publicKey).toString('hex'),
    signature: '',
  };
  return { ...document, signature: Buffer.from(signer.sign(signedLine(document))).toString('hex') };
}

/**
 * Checks form and signature. `trustedSigners` as for `verifyManifest`.
 * @throws CorruptDatasetError, UntrustedSignatureError
 */
export function verifyKeyDocument(
  value: unknown,
  datasetId: DatasetId,
  trustedSigners: readonly Uint8Array[] | null,
): KeyDocument {
  const parsed = keyDocumentSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new CorruptDatasetError('dataset key', `/${issue?.path.join('/') ?? ''}: ${issue?.message ?? 'malformed'}`);
  }
  const document = parsed.data as KeyDocument;
  if (document.dataset !== datasetId)
    throw new CorruptDatasetError('dataset key', `it is the key of ${document.dataset}`);
  const signer = Buffer.from(document.signer, 'hex');
  if (trustedSigners && !trustedSigners.some((trusted) => signer.equals(trusted))) {
    throw new UntrustedSignatureError('dataset key', `signed by ${document.signer}, which is not a trusted key`);
  }
  if (!verifySignature(signer, signedLine(document), Buffer.from(document.signature, 'hex'))) {
    throw new UntrustedSignatureError('dataset key', 'the signature is not over this document');
  }
  return document;
}
