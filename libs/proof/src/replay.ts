import type { JsonValue } from '#kernel';
import { firstMember, isObject, type JsonDifference, jsonDifferences } from './json-difference.js';
import type { LedgerBody } from './ledger-body.js';
import { ERASED_ACTION, isEvent, isPartial, type ResourceRule, ruleOf } from './replay-rules.js';

/** An entry of a chain, for the fold. */
export interface ReplayEntry {
  entryId: string;
  /** Its number in the chain. */
  seq: number;
  /** Its index in the log, where that is known. */
  index?: number;
  /** Null when it was erased. */
  body: LedgerBody | null;
}

/** A resource as the entries so far leave it. */
export interface ReplayedResource {
  type: string;
  id: string;
  version: number | null;
  /** Null once it is gone. */
  state: JsonValue;
  /** The entry that left it like this. */
  entryId: string;
  seq: number;
  index?: number;
  /** How many entries of the chain before that one had been erased. */
  erasedBefore: number;
}

/** Where the entries do not continue each other. */
export interface ReplayBreak {
  /**
   * `before`: an entry starts from another state than the one before it left; `version`: a version is missing or twice there;
   * `exists`: what is there is created; `missing`: what was never created is changed; `gone`: what is gone is changed.
   */
  kind: 'before' | 'version' | 'exists' | 'missing' | 'gone';
  type: string;
  id: string;
  entryId: string;
  seq: number;
  index?: number;
  detail: string;
  fields: JsonDifference[];
  /** Whether entries that were erased in between may account for it. */
  erasureMayExplain: boolean;
}

export const resourceKey = (type: string, id: string): string => `${type}/${id}`;

/** Breaks are counted without end and kept up to this many: a forged history must not fill the memory. */
const BREAKS_KEPT = 1000;

/**
 * Folds the entries of one chain, in the order of the chain, into the state of every resource, and finds where they do not
 * continue each other. What an erased entry did cannot be seen, nor to which resource: the fold counts such entries, and says
 * of each break whether they may account for it.
 */
export class Replay {
  private readonly found = new Map<string, ReplayedResource>();
  /** What goes with an owner: keys of resources by the owner's key, and by the action where it is not the deletion. */
  private readonly belongings = new Map<string, Set<string>>();
  readonly breaks: ReplayBreak[] = [];
  breakCount = 0;
  entries = 0;
  /** Entries without a body, in order. */
  readonly erasedEntries: Pick<ReplayEntry, 'entryId' | 'seq' | 'index'>[] = [];
  /** By the id of an entry whose body was erased: the entry that says so. */
  readonly erasures = new Map<string, string>();

  /** Every resource that any entry was about, also those that are gone (their state is null). */
  get resources(): ReadonlyMap<string, ReplayedResource> {
    return this.found;
  }

  get erased(): number {
    return this.erasedEntries.length;
  }

  apply(entry: ReplayEntry): void {
    this.entries += 1;
    const { entryId, seq, index, body } = entry;
    if (body === null) {
      this.erasedEntries.push(index === undefined ? { entryId, seq } : { entryId, seq, index });
      return;
    }
    if (body.action === ERASED_ACTION) this.noteErasure(body);
    if (isEvent(body)) this.takeAlong(body, entry, body.action);
    else this.change(entry, body);
  }

  private change(entry: ReplayEntry, body: LedgerBody): void {
    const known = this.found.get(resourceKey(body.resource.type, body.resource.id));
    if (isPartial(body) && !isThere(known)) return;
    const rule = ruleOf(body.resource.type);
    const change = { before: stated(rule, body.before), after: stated(rule, body.after) };
    const found = breakIn(rule, body, known, change.before);
    if (found) {
      this.fail({
        fields: [],
        ...found,
        ...placeOf(entry, body),
        erasureMayExplain: this.mayExplain(rule, known, body),
      });
    }
    this.settle(entry, body, rule, known, change.after);
  }

  private noteErasure({ id, resource, after }: LedgerBody): void {
    if (isObject(after) && after.scope === 'body') this.erasures.set(resource.id, id);
  }

  private settle(
    { entryId, seq, index }: ReplayEntry,
    body: LedgerBody,
    rule: ResourceRule,
    known: ReplayedResource | undefined,
    after: JsonValue,
  ): void {
    const { type, id } = body.resource;
    const version = body.resource.version ?? known?.version ?? null;
    const state = adopted(rule, body, known, after);
    const place = index === undefined ? { entryId, seq } : { entryId, seq, index };
    const resource: ReplayedResource = { type, id, version, state, ...place, erasedBefore: this.erased };
    this.found.set(resourceKey(type, id), resource);
    if (state === null) this.takeAlong(body, { entryId, seq, index, body });
    for (const owner of state === null ? [] : (rule.goesWith ?? [])) {
      const ownerId = owner.of(resource, body);
      if (ownerId === undefined) continue;
      const group = belongingsKey(owner.type, ownerId, owner.on);
      const members = this.belongings.get(group);
      if (members) members.add(resourceKey(type, id));
      else this.belongings.set(group, new Set([resourceKey(type, id)]));
    }
  }

  /** What goes with the resource of this entry, and with what goes. */
  private takeAlong({ resource: { type, id } }: LedgerBody, entry: ReplayEntry, on?: string): void {
    const { entryId, seq, index } = entry;
    const groups = [belongingsKey(type, id, on)];
    for (let group = groups.pop(); group !== undefined; group = groups.pop()) {
      const members = this.belongings.get(group);
      this.belongings.delete(group);
      for (const key of members ?? []) {
        const resource = this.found.get(key);
        if (!isThere(resource)) continue;
        const place = index === undefined ? { entryId, seq } : { entryId, seq, index };
        this.found.set(key, { ...resource, ...place, state: null, erasedBefore: this.erased });
        groups.push(belongingsKey(resource.type, resource.id));
      }
    }
  }

  /** Whether entries that were erased since the resource's last one may have done what is missing between the two. */
  private mayExplain(rule: ResourceRule, known: ReplayedResource | undefined, { resource }: LedgerBody): boolean {
    const unseen = this.erased - (known?.erasedBefore ?? 0);
    if (unseen === 0) return false;
    if (rule.versions !== 'consecutive' || resource.version === null) return true;
    // Each change raises the version by one: what is missing must be neither nothing nor more than was erased.
    const missing = resource.version - (known?.version ?? 0) - 1;
    return missing >= 1 && missing <= unseen;
  }

  private fail(found: ReplayBreak): void {
    this.breakCount += 1;
    if (this.breaks.length < BREAKS_KEPT) this.breaks.push(found);
  }
}

/** Folds a whole chain. */
export function replay(entries: Iterable<ReplayEntry>): Replay {
  const fold = new Replay();
  for (const entry of entries) fold.apply(entry);
  return fold;
}

/** In what an entry does not continue what is known of its resource. */
function breakIn(
  rule: ResourceRule,
  body: LedgerBody,
  known: ReplayedResource | undefined,
  before: JsonValue,
): (Pick<ReplayBreak, 'kind' | 'detail'> & { fields?: JsonDifference[] }) | null {
  if (before === null) {
    if (isThere(known)) return { kind: 'exists', detail: `is created, and is there since ${known.entryId}` };
    if (known && !rule.comesAgain) return { kind: 'gone', detail: `is created again, and went with ${known.entryId}` };
  } else if (!isThere(known)) {
    if (known) return { kind: 'gone', detail: `is changed, and went with ${known.entryId}` };
    if (!rule.implicit) return { kind: 'missing', detail: 'is changed, and no entry created it' };
  } else {
    const fields = unexpected(rule, body, known.state, before);
    const names = fields.map(({ pointer }) => pointer || '/').join(', ');
    const detail = `starts from another state than ${known.entryId} left: ${names}`;
    if (fields.length > 0) return { kind: 'before', detail, fields };
  }
  const wrong = wrongVersion(rule, known, body);
  return wrong === null ? null : { kind: 'version', detail: wrong };
}

function placeOf({ entryId, seq, index }: Pick<ReplayEntry, 'entryId' | 'seq' | 'index'>, { resource }: LedgerBody) {
  const { type, id } = resource;
  return index === undefined ? { type, id, entryId, seq } : { type, id, entryId, seq, index };
}

/** Where a state is not the one that is expected of it, by the rule of its type. */
export function stateDifferences(rule: ResourceRule, expected: JsonValue, actual: JsonValue): JsonDifference[] {
  return jsonDifferences(expected, actual).filter(
    ({ pointer, expected: known }) => !(known === undefined && rule.added?.includes(firstMember(pointer))),
  );
}

function unexpected(rule: ResourceRule, body: LedgerBody, known: JsonValue, before: JsonValue): JsonDifference[] {
  const expected = isPartial(body) ? narrowed(known, before) : known;
  return stateDifferences(rule, expected, before).filter(({ pointer }) => {
    const name = firstMember(pointer);
    const setters = rule.setBy?.[name];
    return !rule.unrecorded?.includes(name) && (setters === undefined || setters.includes(body.action));
  });
}

/** The members of a state that another value has, too. */
function narrowed(state: JsonValue, to: JsonValue): JsonValue {
  if (!isObject(state) || !isObject(to)) return state;
  return Object.fromEntries(Object.entries(state).filter(([name]) => Object.hasOwn(to, name)));
}

function adopted(
  rule: ResourceRule,
  body: LedgerBody,
  known: ReplayedResource | undefined,
  after: JsonValue,
): JsonValue {
  const state = known?.state;
  if (!isObject(state) || !isObject(after)) return after;
  if (isPartial(body)) return { ...state, ...after };
  const kept = Object.entries(rule.setBy ?? {}).filter(
    ([name, actions]) => !actions.includes(body.action) && Object.hasOwn(state, name),
  );
  return { ...after, ...Object.fromEntries(kept.map(([name]) => [name, state[name] as JsonValue])) };
}

function stated({ absent }: ResourceRule, state: JsonValue): JsonValue {
  return absent !== undefined && jsonDifferences(absent, state).length === 0 ? null : state;
}

function wrongVersion(
  { versions }: ResourceRule,
  known: ReplayedResource | undefined,
  { resource: { version } }: LedgerBody,
): string | null {
  if (versions === 'none' || version === null) return null;
  const last = known?.version ?? 0;
  const follows = followsOn(versions, last, version);
  return follows
    ? null
    : `is at version ${version}, and ${known ? `${known.entryId} left it at ${last}` : 'was not there'}`;
}

type Live = ReplayedResource & { state: NonNullable<JsonValue> };

function followsOn(versions: ResourceRule['versions'], last: number, version: number): boolean {
  if (versions === 'consecutive') return version === last + 1;
  return versions === 'steady' ? version === last || version === last + 1 : version > last;
}

function isThere(resource: ReplayedResource | undefined): resource is Live {
  return resource !== undefined && resource.state !== null;
}

function belongingsKey(type: string, id: string, on?: string): string {
  return on === undefined ? resourceKey(type, id) : `${on} ${resourceKey(type, id)}`;
}
