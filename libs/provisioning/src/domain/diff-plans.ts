import { isDeepStrictEqual } from 'node:util';
import type { NbRow } from '#ovn';

/** What must happen to the rows that are there, so that the rows are there that should be. */
export interface PlanChange {
  adds: NbRow[];
  changes: NbRow[];
  removes: Pick<NbRow, 'table' | 'uuidName'>[];
}

/** Compares by name within a table; the order of either side plays no part. */
export function diffPlans(have: readonly NbRow[], want: readonly NbRow[]): PlanChange {
  const present = new Map(have.map((row) => [keyOf(row), row]));
  const change: PlanChange = { adds: [], changes: [], removes: [] };
  for (const row of want) {
    const key = keyOf(row);
    const old = present.get(key);
    present.delete(key);
    if (!old) change.adds.push(row);
    else if (!isDeepStrictEqual(old.columns, row.columns)) change.changes.push(row);
  }
  change.removes = [...present.values()].map(({ table, uuidName }) => ({ table, uuidName }));
  return change;
}

export function isNoChange({ adds, changes, removes }: PlanChange): boolean {
  return adds.length + changes.length + removes.length === 0;
}

function keyOf({ table, uuidName }: Pick<NbRow, 'table' | 'uuidName'>): string {
  return `${table} ${uuidName}`;
}
