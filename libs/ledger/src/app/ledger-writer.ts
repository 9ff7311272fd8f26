import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { DeferredStatement, Tx } from '#database';
import {
  type Actor,
  Clock,
  type JsonValue,
  newId,
  type RecordedEntry,
  type RequestSignature,
  type TenantId,
} from '#kernel';
import {
  type EntryClass,
  encodeBody,
  MAX_BODY_BYTES,
  mustBeSigned,
  nodeCrypto,
  SALT_BYTES,
  type Vouching,
} from '#proof';
import { EntryTooLargeError } from '../domain/ledger.errors.js';
import { SignatureRequiredError } from '../domain/signature-policy.js';
import { EvidenceRepository } from '../infra/evidence.repository.js';
import { LedgerEntryRepository, type NewEntry, type SearchColumns } from '../infra/ledger-entry.repository.js';
import { LogIdentity } from '../infra/log-identity.js';

/** A change of one resource, to be recorded. */
export interface LedgerChange {
  /** Whose chain it belongs to; the tenant of the transaction's context unless said otherwise. */
  tenantId?: TenantId;
  class: EntryClass;
  /** In the past tense: `subnet.created`. */
  action: string;
  resource: { type: string; id: string; version: number | null };
  /** What it belongs to beside its resource and is found by: the VPC of what is in a VPC, the dataset of a migration. */
  scopeId?: string | null;
  /** The resource before and after as plain JSON, without secrets; null where there was or is none. */
  before: JsonValue;
  after: JsonValue;
}

/** In whose name to record, in a transaction without a context of its own. */
export interface RecordAs {
  actor: Pick<Actor, 'type' | 'id' | 'keyId'>;
  requestId: string;
}

export abstract class LedgerWriterOptions {
  /** How long the log has to include an entry, in seconds; signed into every promise. */
  abstract readonly promiseSeconds: number;
}

/**
 * Records changes in the transaction that makes them. Entries are collected and go to the database in one statement just
 * before the commit; they get their place in the log afterwards, from the sequencer, so that no change waits for another.
 */
@Injectable()
export class LedgerWriter {
  private readonly collected = new WeakMap<Tx, NewEntry[]>();

  constructor(
    private readonly log: LogIdentity,
    private readonly repository: LedgerEntryRepository,
    private readonly evidence: EvidenceRepository,
    private readonly clock: Clock,
    private readonly options: LedgerWriterOptions,
  ) {}

  /**
   * Adds an entry to the transaction and to `tx.entries`. The promise in the result holds once the transaction commits; in
   * a dry run it is empty, because nothing will be recorded. What a user asked for by a signed request is vouched for by it;
   * here, where nothing gets by, a tenant's demand for signatures is met or the change does not happen.
   * @throws EntryTooLargeError, SignatureRequiredError; TypeError when nothing says who acts for whom
   */
  append(tx: Tx, change: LedgerChange, as?: RecordAs): RecordedEntry {
    const { entry, recorded } = this.draw(tx, change, as);
    const entries = this.collected.get(tx);
    if (entries) entries.push(entry);
    else {
      this.collected.set(tx, [entry]);
      tx.beforeCommit('ledger', () => this.flush(tx));
    }
    return recorded;
  }

  private draw(tx: Tx, change: LedgerChange, as?: RecordAs): { entry: NewEntry; recorded: RecordedEntry } {
    const now = this.clock.now();
    const tenantId = change.tenantId ?? tx.ctx?.tenantId;
    const actor = as?.actor ?? tx.ctx?.actor;
    const requestId = as?.requestId ?? tx.ctx?.requestId;
    if (!tenantId || !actor || !requestId) {
      throw new TypeError(`${change.action}: a transaction without a context must say who acts for whom`);
    }
    const signed = as ? undefined : tx.ctx?.signature;
    const demanded = as ? undefined : tx.ctx?.signaturesRequired;
    if (demanded && actor.type === 'user' && !signed && mustBeSigned(demanded, change.action)) {
      throw new SignatureRequiredError(change.action);
    }
    const id = newId('ledgerEntry', now.getTime());
    const body = encodeBody({
      v: 1,
      id,
      tenant: tenantId,
      class: change.class,
      action: change.action,
      actor: { type: actor.type, id: actor.id },
      keyId: actor.keyId,
      resource: change.resource,
      before: change.before,
      after: change.after,
      requestId,
      time: now.toISOString(),
      // A chain knows its own tenant's keys: what the operator does to a tenant is signed in the operator's chain alone.
      vouched: vouchingOf(tenantId === tx.ctx?.tenantId ? signed : undefined),
    });
    if (body.length > MAX_BODY_BYTES) throw new EntryTooLargeError(MAX_BODY_BYTES);
    const bodyHash = nodeCrypto.sha256(body);
    const deadline = Math.floor(now.getTime() / 1000) + this.options.promiseSeconds;
    const promise = tx.ctx?.dryRun ? '' : this.log.signPromise({ tenant: tenantId, entryId: id, bodyHash, deadline });
    const recorded: RecordedEntry = { ledgerEntryId: id, promise };
    tx.entries.push(recorded);
    const search: SearchColumns = {
      action: change.action,
      actorId: actor.id,
      resourceType: change.resource.type,
      resourceId: change.resource.id,
      scopeId: change.scopeId ?? null,
      happenedAt: now,
    };
    return { entry: { tenantId, id, body, bodyHash, salt: randomBytes(SALT_BYTES), ...search }, recorded };
  }

  private flush(tx: Tx): DeferredStatement[] {
    const entries = this.collected.get(tx) ?? [];
    this.collected.delete(tx);
    const { tenantId: signer, signature } = tx.ctx ?? {};
    return [...groupByTenant(entries)].flatMap(([tenantId, own]) => [
      ...(signature && tenantId === signer ? [this.evidence.insertion(tenantId, signature)] : []),
      this.repository.insertion(tenantId, own),
      ...(tx.ctx?.anchorAtOnce ? [this.repository.anchorRequest(tenantId, own)] : []),
    ]);
  }
}

function vouchingOf(signature: RequestSignature | undefined): Vouching {
  if (!signature) return { mode: 'custodial' };
  return { mode: 'signed', keyId: signature.keyId, evidence: signature.evidence.commitment };
}

function groupByTenant(entries: readonly NewEntry[]): Map<TenantId, NewEntry[]> {
  const groups = new Map<TenantId, NewEntry[]>();
  for (const entry of entries) {
    const group = groups.get(entry.tenantId);
    if (group) group.push(entry);
    else groups.set(entry.tenantId, [entry]);
  }
  return groups;
}
