import type { JsonValue } from '#kernel';
import type { JsonDifference } from './json-difference.js';
import { type Replay, type ReplayedResource, resourceKey, stateDifferences } from './replay.js';
import { type ResourceRule, ruleOf } from './replay-rules.js';

/** A resource as a database has it, in the form that entries have it. */
export interface StateRecord {
  type: string;
  id: string;
  /** Null where the database keeps none. */
  version: number | null;
  state: JsonValue;
}

/** Where the database is not what the entries leave. */
export interface StateDifference {
  kind: 'changed' | 'missing in the database' | 'not in the ledger';
  type: string;
  id: string;
  /** The last entry about the resource; null where there is none. */
  entryId: string | null;
  seq: number | null;
  index: number | null;
  /** `expected` is the ledger's, `actual` the database's. */
  fields: JsonDifference[];
  /** Whether entries that were erased since then may account for it. */
  erasureMayExplain: boolean;
}

/** Holds what a database says of a tenant's resources against what the tenant's entries say. One pass over the records. */
export class StateComparison {
  private readonly seen = new Set<string>();
  readonly differences: StateDifference[] = [];
  compared = 0;

  constructor(private readonly replay: Replay) {}

  record(record: StateRecord): void {
    const key = resourceKey(record.type, record.id);
    this.compared += 1;
    if (this.seen.has(key)) throw new TypeError(`${key} is in the state twice`);
    this.seen.add(key);
    const known = this.replay.resources.get(key);
    if (!known || known.state === null) {
      this.differences.push({
        kind: 'not in the ledger',
        ...placeOf(record, known),
        fields: [{ pointer: '', expected: undefined, actual: record.state }],
        // What went does not come again, whatever was erased since.
        erasureMayExplain:
          (!known || ruleOf(record.type).comesAgain === true) && this.mayExplain(record.type, known, record.version),
      });
      return;
    }
    const rule = ruleOf(record.type);
    const fields = [
      ...stateDifferences(rule, known.state, record.state),
      ...versionDifference(known, record, rule.versions),
    ];
    if (fields.length === 0) return;
    const erasureMayExplain = this.mayExplain(record.type, known, record.version);
    this.differences.push({ kind: 'changed', ...placeOf(record, known), fields, erasureMayExplain });
  }

  /** What the entries leave and no record was about. Called once, after the last record. */
  end(): void {
    for (const [key, known] of this.replay.resources) {
      if (known.state === null || this.seen.has(key)) continue;
      this.differences.push({
        kind: 'missing in the database',
        ...placeOf(known, known),
        fields: [{ pointer: '', expected: known.state, actual: undefined }],
        erasureMayExplain: this.mayExplain(known.type, known, null),
      });
    }
  }

  /** Whether entries that were erased since the resource's last one may have led to this version of it. */
  private mayExplain(type: string, known: ReplayedResource | undefined, version: number | null): boolean {
    const unseen = this.replay.erased - (known?.erasedBefore ?? 0);
    if (unseen === 0 || version === null || known?.version === null) return unseen > 0;
    const missing = version - (known?.version ?? 0);
    return missing >= 1 && (missing <= unseen || ruleOf(type).versions !== 'consecutive');
  }
}

function placeOf({ type, id }: { type: string; id: string }, known: ReplayedResource | undefined) {
  return { type, id, entryId: known?.entryId ?? null, seq: known?.seq ?? null, index: known?.index ?? null };
}

/** What belongs to a resource may have raised its version without an entry of the resource's own: never lowered it. */
function versionDifference(
  known: ReplayedResource,
  record: StateRecord,
  versions: ResourceRule['versions'],
): JsonDifference[] {
  if (versions === 'none' || known.version === null || record.version === null) return [];
  const holds = versions === 'ascending' ? record.version >= known.version : record.version === known.version;
  return holds ? [] : [{ pointer: '/version', expected: known.version, actual: record.version }];
}
