import type { JsonValue } from '#kernel';
import { FormatError, fromUtf8 } from '#merkle';
import { as, same } from './effect-fields.js';
import { EFFECT_RULES, type EffectRule } from './effect-rules.js';
import type { EvidenceFacts } from './evidence.js';
import type { JsonObject, LedgerBody } from './ledger-body.js';

/**
 * A signature proves what was asked for; what was done is in the entry. This recomputes the one from the other: which action
 * on which resource the request must have led to, and that every value it gave is in the record.
 */
export interface Effect {
  matches: boolean;
  /** In words: what agrees, or the first thing that does not. */
  detail: string;
}

/** How far the actor's clock and the entry's time may lie apart: no service takes a signature that is older. */
export const MAX_SIGNATURE_AGE_SECONDS = 3600;

/** Whether the entry is what the signed request asked for. Never throws: what cannot be read does not match. */
export function checkEffect(facts: EvidenceFacts, body: LedgerBody): Effect {
  try {
    return { matches: true, detail: compare(facts, body) };
  } catch (error) {
    return { matches: false, detail: error instanceof Error ? error.message : 'the request cannot be read' };
  }
}

/** The rule of a method and a path, with the ids of the path by their names; null when no change has that route. */
export function effectRuleOf(method: string, path: string): { rule: EffectRule; ids: Map<string, string> } | null {
  const segments = path.split('/');
  for (const { rule, segments: wanted } of COMPILED) {
    if (wanted[0] !== `${method} ` || wanted.length !== segments.length) continue;
    const ids = new Map<string, string>();
    const fits = wanted.every((one, at) => {
      if (at === 0) return segments[0] === '';
      const name = /^\{(\w+)\}$/.exec(one)?.[1];
      if (name === undefined) return one === segments[at];
      const id = decoded(segments[at]!);
      if (id) ids.set(name, id);
      return Boolean(id);
    });
    if (fits) return { rule, ids };
  }
  return null;
}

const COMPILED = EFFECT_RULES.map((rule) => ({ rule, segments: rule.route.split('/') }));

function decoded(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}

function compare(facts: EvidenceFacts, body: LedgerBody): string {
  if (body.vouched.mode !== 'signed' || body.vouched.keyId !== facts.keyId) {
    throw new FormatError(`the entry does not say that ${facts.keyId} signed it`);
  }
  const apart = Math.abs(Date.parse(body.time) / 1000 - facts.created);
  if (apart > MAX_SIGNATURE_AGE_SECONDS) {
    throw new FormatError(`the request was signed ${Math.round(apart)} s away from the entry's time`);
  }
  const found = effectRuleOf(facts.method, facts.path);
  const request = `${facts.method} ${facts.path}`;
  if (!found || found.rule.action === null) throw new FormatError(`${request} records nothing`);
  const { rule, ids } = found;
  if (facts.bodyWithheld && !rule.secretBody) {
    throw new FormatError(`the evidence does not show the content of ${request}, which is no secret one`);
  }
  const query = queryOf(facts.query);
  if (query.get('dryRun') === 'true') throw new FormatError(`${request} was only to be tried`);
  query.delete('dryRun');
  // When it is anchored changes nothing of what is recorded.
  query.delete('anchor');
  if (body.action !== rule.action) {
    if (rule.takes?.action === body.action) requireWent(body, rule.takes.member, ids);
    else if (rule.along?.includes(body.action)) requireCame(body);
    else throw new FormatError(`${request} does not lead to ${body.action}`);
    return `${body.action} goes along with ${request}`;
  }
  const inputs = new Map<string, JsonValue>([...ids, ...query, ...membersOfBody(facts)]);
  requireResource(rule, inputs, body);
  const withheld = facts.bodyWithheld
    ? '; the content of the request is withheld, and its values were not compared'
    : '';
  requireRecord(rule, inputs, body);
  return `${request} asked for exactly this${withheld}`;
}

/** What goes along with a change came with it: a record that was there before is nothing that anybody asked for. */
function requireCame(body: LedgerBody): void {
  requireTypeOfAction(body);
  if (body.before !== null || body.after === null) throw new FormatError('the entry does not say that it came');
}

/** What belonged to the resource that the request names. */
function requireWent(body: LedgerBody, member: string, ids: Map<string, string>): void {
  requireTypeOfAction(body);
  if (body.after !== null) throw new FormatError('the entry says that it is still there');
  const owner = ids.get(member);
  if (owner === undefined || !same(recordOf(body.before)[member], owner)) {
    throw new FormatError(`the entry is not about what belonged to ${owner}`);
  }
}

function requireTypeOfAction({ action, resource }: LedgerBody): void {
  if (resource.type === action.slice(0, action.lastIndexOf('.'))) return;
  throw new FormatError(`the entry is about a ${resource.type}`);
}

function queryOf(query: string): Map<string, JsonValue> {
  const values = new Map<string, JsonValue>();
  for (const [name, value] of new URLSearchParams(query)) {
    const earlier = values.get(name);
    values.set(name, earlier === undefined ? value : [earlier as JsonValue, value].flat());
  }
  return values;
}

function membersOfBody({ body }: EvidenceFacts): [string, JsonValue][] {
  if (body === null || body.length === 0) return [];
  const value = JSON.parse(fromUtf8(body)) as JsonValue;
  if (value === null) return [];
  if (typeof value !== 'object' || Array.isArray(value))
    throw new FormatError('the content of the request is no object');
  return Object.entries(value);
}

function requireResource({ type, id }: EffectRule, inputs: Map<string, JsonValue>, { resource }: LedgerBody): void {
  if (resource.type !== type) throw new FormatError(`the entry is about a ${resource.type}, not a ${type}`);
  if (id === undefined) return;
  const expected = id.replace(/\{(\w+)\}/g, (_, name: string) => textOf(name, inputs.get(name)));
  if (resource.id !== expected) throw new FormatError(`the entry is about ${resource.id}, not about ${expected}`);
}

function textOf(name: string, text: JsonValue | undefined): string {
  if (typeof text !== 'string') throw new FormatError(`the request does not name its ${name}`);
  return text;
}

function requireRecord(rule: EffectRule, inputs: Map<string, JsonValue>, body: LedgerBody): void {
  const before = recordOf(body.before);
  const after = recordOf(body.after);
  if (rule.kind === 'deleted') {
    if (body.after !== null) throw new FormatError('the entry says that it is still there');
    return;
  }
  if (rule.kind === 'created' && body.before !== null) throw new FormatError('the entry says that it was there before');
  if (body.after === null) throw new FormatError('the entry does not say what came of it');
  const decided = new Set<string>(rule.moves ?? []);
  const named = new Set([...(rule.id ?? '').matchAll(/\{(\w+)\}/g)].map(([, name]) => name!));
  for (const [name, value] of inputs) {
    const field = rule.fields?.[name] ?? (named.has(name) ? null : as(name));
    if (!field) continue;
    if (!field.holds(value, before, after)) throw new FormatError(`the entry does not hold the ${name} of the request`);
    for (const member of field.members) decided.add(member);
  }
  for (const [member, value] of Object.entries(rule.sets ?? {})) {
    if (after[member] !== value) throw new FormatError(`the entry's ${member} is not ${value}`);
    decided.add(member);
  }
  if (rule.kind !== 'changed') return;
  const strayed = [...new Set([...Object.keys(before), ...Object.keys(after)])].find(
    (member) => !decided.has(member) && !same(before[member], after[member]),
  );
  if (strayed !== undefined) throw new FormatError(`the request did not ask for a change of ${strayed}`);
}

function recordOf(value: JsonValue): JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : {};
}
