import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import {
  parseBrokenPromise,
  type VerificationReport,
  type VerifiedEntry,
  verifyBrokenPromise,
  verifyBundle,
  verifyDisclosure,
  verifyEquivocation,
  verifyReceipt,
} from '#proof';
import { UsageError } from '../cli-errors.js';
import { EvidenceThreads } from './evidence-threads.js';
import { knownLog, type LogOptions } from './known-log.js';
import { type OpenedDocument, openDocument, wholeOf } from './open-document.js';
import { TrustStore } from './trust-store.js';

export interface DocumentOptions {
  env: Record<string, string | undefined>;
  log: LogOptions;
  /** Where the document lies: a bundle that it names lies beside it. */
  folder?: string;
  viewKey?: Uint8Array;
  rootPublicKey?: string;
  requireSigned?: boolean;
  /** Of a bundle: told of the tenant's entries as they are verified. */
  onEntry?: (entry: VerifiedEntry) => void;
}

/**
 * Verifies a document of whatever kind against what is known of its log, and keeps the head of a pinned log once everything
 * holds. @throws UsageError
 */
export async function verifyDocument<T extends VerificationReport>(
  document: OpenedDocument,
  options: DocumentOptions,
): Promise<T> {
  const store = new TrustStore(options.env);
  const { trust, pinnedLog } = await knownLog(options.log, store, document.origin);
  const { viewKey, rootPublicKey, requireSigned, onEntry } = options;
  const known = { ...trust, viewKey, rootPublicKey, requireSigned, onEntry };
  const report = (await verified(document, known, options.folder ?? '.')) as VerificationReport;
  const { head, continues } = report;
  if (report.ok && head && pinnedLog?.origin === head.origin) {
    const proven = pinnedLog.seen.filter(({ note }) => continues.includes(note));
    store.remember(head.origin, { size: head.size, note: head.note }, proven);
  }
  return report as T;
}

type Known = Parameters<typeof verifyReceipt>[1] & Parameters<typeof verifyBundle>[1];

async function verified(document: OpenedDocument, known: Known, folder: string): Promise<VerificationReport> {
  if (document.kind === 'receipt') return verifyReceipt(await wholeOf(document), known);
  if (document.kind === 'disclosure') return verifyDisclosure(await wholeOf(document), known);
  if (document.kind === 'equivocation') return verifyEquivocation(await wholeOf(document), known);
  if (document.kind === 'broken-promise') return ofBrokenPromise(await wholeOf(document), known, folder);
  if (document.kind === 'state') {
    if (known.requireSigned) throw new UsageError('--require-signed is for receipts and disclosures');
    const { verifyState } = await import('#topology');
    return verifyState(await wholeOf(document), known);
  }
  if (known.requireSigned) throw new UsageError('--require-signed is for receipts and disclosures');
  const threads = new EvidenceThreads();
  try {
    return await verifyBundle(document.bytes, { ...known, checkEvidence: threads.check });
  } finally {
    await threads.close();
  }
}

/** With the bundle that it names, when that lies beside it and the view key is at hand. */
async function ofBrokenPromise(document: Uint8Array, known: Known, folder: string): Promise<VerificationReport> {
  const path = bundleBeside(document, folder);
  const bundle = path === null || !known.viewKey ? undefined : (await openDocument(path)).bytes;
  return verifyBrokenPromise(document, { ...known, bundle });
}

/** Only a name is taken from the document: a path in it could lead anywhere. */
function bundleBeside(document: Uint8Array, folder: string): string | null {
  try {
    const { lacking } = parseBrokenPromise(document);
    const path = lacking.kind === 'bundle' ? join(folder, basename(lacking.file)) : null;
    return path !== null && existsSync(path) ? path : null;
  } catch {
    return null;
  }
}
