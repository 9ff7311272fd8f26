import { DomainError } from './errors.js';
import type { ApiKeyId, SigningKeyId, TenantId, UserId } from './ids.js';

export const ROLES = ['operator', 'tenant-owner', 'editor', 'viewer', 'auditor', 'worker'] as const;
export type Role = (typeof ROLES)[number];

/** Who acts. `system` is one of Freehold's own processes (a reconciler, a migration worker). */
export interface Actor {
  type: 'user' | 'system';
  /** A `usr-` id, or the name of the process for `system`. */
  id: UserId | string;
  keyId: ApiKeyId | null;
  roles: readonly Role[];
}

/** A reply as it went out: kept so that the same request again gets the same bytes. */
export interface StoredReply {
  status: number;
  etag: string | null;
  body: unknown;
  /** What is kept in place of a body that shows a secret: a replay says that it was shown. */
  storedBody?: unknown;
}

/** Where a use case leaves its reply: rendered inside the transaction, so that it is stored with the change. */
export interface ReplySlot {
  render(result: unknown, entries: readonly RecordedEntry[]): StoredReply;
  stored: StoredReply | null;
}

/** The caller's Idempotency-Key with what it is scoped to. */
export interface IdempotencyScope {
  /** The principal, the method and the concrete path. */
  scope: string;
  key: string;
  /** SHA-256 of the canonical request: method, path, query, body. */
  requestHash: Uint8Array;
}

/** What the caller gets from a change's transaction in return: ids of its ledger entries with their promises. */
export interface RecordedEntry {
  ledgerEntryId: string;
  promise: string;
}

/** A signature over the request, which was verified, and the evidence that is kept of it (docs/formats/evidence-v1.md). */
export interface RequestSignature {
  keyId: SigningKeyId;
  /** Makes the request one that happens once: a key uses it for one request. */
  nonce: string;
  evidence: {
    document: Uint8Array;
    salt: Uint8Array;
    /** What entries hold of it: 64 hexadecimal digits. */
    commitment: string;
  };
}

/**
 * The context of one operation: who, for which tenant, under which request id, and how the request vouches for itself.
 * Goes first in every use case; nothing below HTTP reads a request.
 */
export interface OpContext {
  actor: Actor;
  tenantId: TenantId;
  requestId: string;
  permissions: ReadonlySet<string>;
  idempotency?: IdempotencyScope;
  /** Validate, authorise, plan and answer, but write nothing. */
  dryRun?: boolean;
  /** The chain shall have what is recorded without waiting for the anchoring interval. */
  anchorAtOnce?: boolean;
  /** The entity versions the caller expects (If-Match), or undefined when it did not say. `*` matches any. */
  ifMatch?: readonly string[];
  reply?: ReplySlot;
  /** The caller's signature over the request; without it, the service alone says who acted. */
  signature?: RequestSignature;
  /** Patterns of the actions that the actor's tenant wants signed, an empty list for all; absent when none need be. */
  signaturesRequired?: readonly string[];
}

/**
 * Honours If-Match (RFC 9110 section 13.1.1): to be called under the row's lock, before anything is changed.
 * @throws DomainError `VersionMismatch` (412)
 */
export function requireMatch(ctx: OpContext, current: { id: string; version: number }): void {
  if (!ctx.ifMatch || ctx.ifMatch.includes('*') || ctx.ifMatch.includes(`"${current.version}"`)) return;
  throw new DomainError(
    'precondition-failed',
    'VersionMismatch',
    `${current.id} is at version ${current.version}, not at ${ctx.ifMatch.join(', ')}.`,
    {
      extra: { currentVersion: current.version, expected: ctx.ifMatch },
      errors: [
        {
          pointer: '/header/if-match',
          rule: 'version.current',
          message: 'the resource has changed since you read it',
          fix: 'read it again and decide anew',
        },
      ],
    },
  );
}
