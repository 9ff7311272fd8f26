import fc from 'fast-check';
import type { NbRow } from '#ovn';
import { diffPlans, isNoChange } from './diff-plans.js';

const rowsArbitrary = fc.uniqueArray(
  fc.record({
    table: fc.constantFrom('Logical_Switch', 'Address_Set'),
    uuidName: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    columns: fc.record({
      name: fc.constantFrom('x', 'y'),
      external_ids: fc.dictionary(fc.constantFrom('k', 'l'), fc.constantFrom('v', 'w')),
    }),
  }),
  { selector: (row) => `${row.table} ${row.uuidName}` },
) as unknown as fc.Arbitrary<NbRow[]>;

const sorted = (rows: readonly NbRow[]) =>
  [...rows].sort((a, b) => (`${a.table} ${a.uuidName}` < `${b.table} ${b.uuidName}` ? -1 : 1));

describe('the difference of two plans', () => {
  it('turns the one into the other, and touches no row that is the same', () => {
    fc.assert(
      fc.property(rowsArbitrary, rowsArbitrary, (have, want) => {
        const { adds, changes, removes } = diffPlans(have, want);
        const names = (rows: Pick<NbRow, 'table' | 'uuidName'>[]) =>
          new Set(rows.map((row) => `${row.table} ${row.uuidName}`));
        const gone = names([...removes, ...changes]);
        const kept = have.filter((row) => !gone.has(`${row.table} ${row.uuidName}`));
        expect(sorted([...kept, ...adds, ...changes])).toEqual(sorted(want));
        for (const row of [...adds, ...changes]) expect(kept).not.toContainEqual(row);
        for (const row of kept) expect(want).toContainEqual(row);
      }),
    );
  });

  it('of a plan and itself is none, in whatever order', () => {
    fc.assert(
      fc.property(rowsArbitrary, (rows) => {
        expect(isNoChange(diffPlans(rows, [...rows].reverse()))).toBe(true);
      }),
    );
  });
});
