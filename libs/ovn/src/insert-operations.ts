import type { NbRef, NbRow, NbTable } from './northbound.js';

/** A value as OVSDB writes it (RFC 7047, section 5.1). */
export type OvsdbValue =
  | string
  | number
  | boolean
  | ['named-uuid', string]
  | ['set', OvsdbValue[]]
  | ['map', [string, string][]];

/** RFC 7047, section 5.2.1. */
export interface InsertOperation {
  op: 'insert';
  table: NbTable;
  'uuid-name': string;
  row: Record<string, OvsdbValue>;
}

type PlainValue = string | number | NbRef | (string | NbRef)[] | Record<string, string>;

/**
 * The operations that create these rows in an empty Northbound database, to be sent in one transaction: references to rows
 * by name hold only inside one, and a child without its parent's reference is dropped.
 */
export function insertOperations(rows: readonly NbRow[]): InsertOperation[] {
  return rows.map(({ table, uuidName, columns }) => ({
    op: 'insert',
    table,
    'uuid-name': uuidName,
    row: Object.fromEntries(
      Object.entries(columns as Record<string, PlainValue>).map(([name, value]) => [name, encode(value)]),
    ),
  }));
}

function encode(value: PlainValue): OvsdbValue {
  if (typeof value !== 'object') return value;
  if (Array.isArray(value)) return ['set', value.map((member) => encode(member))];
  if (isReference(value)) return ['named-uuid', value.namedUuid];
  return ['map', Object.entries(value)];
}

function isReference(value: NbRef | Record<string, string>): value is NbRef {
  return typeof value.namedUuid === 'string' && Object.keys(value).length === 1;
}
