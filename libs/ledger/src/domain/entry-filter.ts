/** What a tenant's entries are searched by. Everything given must hold; ranges are from the first up to, but without, the end. */
export interface EntryFilter {
  resourceId?: string;
  resourceType?: string;
  /** What the entry belongs to: a VPC, a dataset. */
  scopeId?: string;
  actorId?: string;
  /** One action (`subnet.created`), or all that start with a word (`subnet.*`). */
  action?: string;
  /** When the body says that it happened. */
  from?: Date;
  to?: Date;
  /** Indexes in the log. */
  fromIndex?: number;
  toIndex?: number;
}

export type EntryOrder = 'oldest-first' | 'newest-first';

/** A condition on a column of ledger_entry: the comparison is one that row level security lets an index serve. */
export interface ColumnCondition {
  column: 'resource_id' | 'resource_type' | 'scope_id' | 'actor_id' | 'action' | 'happened_at';
  operator: '=' | '>=' | '<';
  value: string | Date;
}

/** The conditions of a filter by column, each group served by the index of its column. */
export function conditionsOf(filter: EntryFilter): ColumnCondition[][] {
  const equal = (column: ColumnCondition['column'], value: string | undefined): ColumnCondition[] =>
    value === undefined ? [] : [{ column, operator: '=', value }];
  return [
    equal('resource_id', filter.resourceId),
    equal('scope_id', filter.scopeId),
    equal('actor_id', filter.actorId),
    actionConditions(filter.action),
    equal('resource_type', filter.resourceType),
    [
      ...(filter.from ? [{ column: 'happened_at', operator: '>=', value: filter.from } as const] : []),
      ...(filter.to ? [{ column: 'happened_at', operator: '<', value: filter.to } as const] : []),
    ],
  ].filter((group) => group.length > 0);
}

/** `subnet.*` is the range from `subnet.` up to `subnet/`: a slash is the character after the dot, and columns compare by bytes. */
function actionConditions(action: string | undefined): ColumnCondition[] {
  if (action === undefined) return [];
  if (!action.endsWith('.*')) return [{ column: 'action', operator: '=', value: action }];
  const word = action.slice(0, -2);
  return [
    { column: 'action', operator: '>=', value: `${word}.` },
    { column: 'action', operator: '<', value: `${word}/` },
  ];
}
