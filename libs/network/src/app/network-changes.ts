import { Injectable } from '@nestjs/common';
import { Outbox, type Tx } from '#database';
import type { JsonValue } from '#kernel';
import { LedgerWriter } from '#ledger';
import type { LockedVpc } from '../infra/vpc.repository.js';

/** One change of one resource of a VPC, as the ledger tells it. `after` is null when the resource goes. */
export interface NetworkChange {
  action: string;
  type: string;
  id: string;
  version: number;
  before: JsonValue;
  after: JsonValue;
  /** The VPC whose history it belongs to; `record` says it. */
  scopeId?: string | null;
}

/** The outbox topic whose key is the id of a VPC to reconcile. */
export const VPC_TOPIC = 'vpc';

/** Records a change in a VPC: its ledger entry and the hint for the reconciler, in the change's own transaction. */
@Injectable()
export class NetworkChanges {
  constructor(
    private readonly ledger: LedgerWriter,
    private readonly outbox: Outbox,
  ) {}

  /** The VPC's generation was raised when it was locked. */
  record(tx: Tx, vpc: Pick<LockedVpc, 'id'>, change: NetworkChange): void {
    this.recordUnplaced(tx, { ...change, scopeId: vpc.id });
    this.outbox.add(tx, { topic: VPC_TOPIC, key: vpc.id });
  }

  /** For what may be attached to a VPC, or not. */
  recordIn(tx: Tx, vpc: Pick<LockedVpc, 'id'> | null, change: NetworkChange): void {
    if (vpc) this.record(tx, vpc, change);
    else this.recordUnplaced(tx, change);
  }

  /**
   * For what is in no VPC (an elastic IP, a customer gateway), and for names and tags of what is attached to the VPC
   * `scopeId`: nothing is to be reconciled.
   */
  recordUnplaced(tx: Tx, change: NetworkChange): void {
    this.append(tx, 'configuration', change);
  }

  /** For what is the operator's own. */
  recordSystem(tx: Tx, change: NetworkChange): void {
    this.append(tx, 'system', change);
  }

  private append(
    tx: Tx,
    entryClass: 'configuration' | 'system',
    { action, type, id, version, before, after, scopeId }: NetworkChange,
  ): void {
    this.ledger.append(tx, { class: entryClass, action, resource: { type, id, version }, scopeId, before, after });
  }
}
