import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import type { OpContext } from '#kernel';
import type { StateRecord } from '#proof';

/**
 * The resources of one feature as they are now, in the words of its ledger entries: made by the very functions that make the
 * entries' before and after, so that the two cannot drift apart. What is going already is gone for the ledger.
 */
export interface LedgerStateSource {
  /** The types of resources that it gives. */
  readonly types: readonly string[];
  /** Those of the context's tenant, in pages; the operator's context also has what its own chain says of tenants. */
  read(tx: Tx, ctx: OpContext): AsyncIterable<StateRecord[]>;
}

/** How many resources a source reads at once. */
export const STATE_PAGE = 500;

/** Where features register what of their state the ledger tells. */
@Injectable()
export class LedgerStateSources {
  private readonly sources: LedgerStateSource[] = [];

  register(...sources: LedgerStateSource[]): void {
    this.sources.push(...sources);
  }

  all(): readonly LedgerStateSource[] {
    return this.sources;
  }
}
