import { FormatError, fromBase64, utf8 } from '#merkle';
import {
  type Disclosure,
  type DisclosureReport,
  jsonDifferences,
  parseBody,
  type ReplayEntry,
  type VerificationReport,
  type VerificationStep,
  type VerifyDisclosureOptions,
  verifyDisclosure,
} from '#proof';
import { parseStateDocument } from './parse-state-document.js';
import { ReplayedVpc, replayEntries } from './replayed-vpc.js';
import { claimsOf } from './state-claims.js';
import { breaksOf, type StateDocument, type StateHistory } from './state-document.js';

/**
 * Verifies an answer about the past from its bytes alone: that the entries it rests on are in the log, and that nothing but
 * the claimed state follows from them, computed anew. Never throws.
 */
export async function verifyState(
  document: Uint8Array,
  options: VerifyDisclosureOptions,
): Promise<VerificationReport & { tenant: string | null }> {
  let parsed: StateDocument;
  try {
    parsed = parseStateDocument(document);
  } catch (error) {
    return failed(NOTHING, 'format', error);
  }
  const { history } = parsed;
  if (history.proof === null) {
    return failed(NOTHING, 'format', new FormatError('the answer has no proof: ask for it with receipts=true'));
  }
  const proven = await verifyDisclosure(utf8(JSON.stringify(history.proof)), options);
  const report = { ...proven, steps: inShort(proven) };
  if (!proven.ok && proven.failure === 'invalid') return report;
  try {
    return { ...report, steps: [...report.steps, ...recomputed(parsed, history.proof)] };
  } catch (error) {
    return failed(report, 'state', error);
  }
}

const NOTHING: VerificationReport & { tenant: null } = {
  ok: false,
  failure: 'invalid',
  steps: [],
  firstBad: null,
  pinned: false,
  anchored: false,
  independentTrust: false,
  anchorProven: false,
  witnesses: 0,
  head: null,
  continues: [],
  tenant: null,
};

function failed<R extends VerificationReport>(report: R, step: 'format' | 'state', error: unknown): R {
  const detail = error instanceof Error ? error.message : 'it cannot be read';
  const bad: VerificationStep = { step, ok: false, detail };
  return { ...report, ok: false, failure: 'invalid', steps: [...report.steps, bad], firstBad: bad };
}

const OF_ENTRIES = ['entry', 'actor', 'inclusion'];

/** Three steps an entry tell nobody more than two for all, when they hold. */
function inShort({ steps, ok, entries }: DisclosureReport): VerificationStep[] {
  const first = steps.findIndex(({ step }) => OF_ENTRIES.includes(step));
  if (!ok || first < 0) return steps;
  const actors = steps.filter(({ step }) => step === 'actor');
  const signed = actors.filter(({ detail }) => detail.startsWith('signed')).length;
  const summary: VerificationStep[] = [
    { step: 'inclusion', ok: true, detail: `${entries} entries open their leaves in the log` },
    {
      step: 'actor',
      ok: true,
      ...(actors.some(({ open }) => open) ? { open: true } : {}),
      detail: `${signed} of the entries are signed, ${actors.length - signed} custodial`,
    },
  ];
  return [...steps.slice(0, first), ...summary, ...steps.slice(first).filter(({ step }) => !OF_ENTRIES.includes(step))];
}

/** @throws FormatError saying what does not follow */
function recomputed({ claims, history }: StateDocument, proof: Disclosure): VerificationStep[] {
  const entries = supporting(history, proof);
  requirePoint(history, entries);
  const replay = replayEntries(entries);
  const breaks = breaksOf(replay.breaks);
  if (jsonDifferences(breaks, history.breaks).length > 0) {
    throw new FormatError('the entries continue each other otherwise than the answer says');
  }
  const vpc = ReplayedVpc.of(replay, history.vpcId);
  const right = vpc && claimsOf(vpc, history.question);
  if (!right) throw new FormatError(`the entries leave no ${history.vpcId}, or not what was asked about`);
  const [wrong] = jsonDifferences(right, claims);
  if (wrong) {
    const said = wrong.actual === undefined ? 'nothing' : JSON.stringify(wrong.actual);
    const follows = wrong.expected === undefined ? 'nothing' : JSON.stringify(wrong.expected);
    throw new FormatError(
      `at ${wrong.pointer || '/'} the answer says ${said}, and from the entries follows ${follows}`,
    );
  }
  const state = `the state of ${history.vpcId} behind index ${history.asOf.index} follows from the entries`;
  return [continuity(history), { step: 'state', ok: true, detail: state }, COMPLETENESS];
}

const COMPLETENESS: VerificationStep = {
  step: 'completeness',
  ok: true,
  open: true,
  detail:
    'not checked: a resource whose entries were all left out, or whose last ones were, takes the bundle to notice',
};

function continuity({ erased, breaks }: StateHistory): VerificationStep {
  if (erased.length === 0 && breaks.length === 0) {
    return { step: 'chain', ok: true, detail: 'each entry starts from what the one before it left' };
  }
  const gaps = erased.length > 0 ? `${erased.length} entries were erased, what they did is not in the answer` : '';
  const torn = breaks.map(({ entryId, type, id, detail }) => `${type} ${id} ${detail} (${entryId})`).join('; ');
  return { step: 'chain', ok: true, open: true, detail: [gaps, torn].filter((part) => part !== '').join('; ') };
}

/** The entries that the history names, each as it is proven; erased ones stand in their places. @throws FormatError */
function supporting({ tenant, entries, erased }: StateHistory, proof: Disclosure): ReplayEntry[] {
  if (proof.tenant !== tenant) throw new FormatError(`the entries are those of ${proof.tenant}`);
  const gone = new Set(erased.map(({ id }) => id));
  const proven = new Map(proof.entries.map((entry) => [entry.entryId, entry]));
  if (proven.size + gone.size !== entries.length)
    throw new FormatError('the proof is not of the entries that are named');
  let last = -1;
  return entries.map(({ id, index }) => {
    if (index === null || index <= last) throw new FormatError(`${id} is not in the order of the log`);
    last = index;
    if (gone.has(id)) return { entryId: id, seq: 0, index, body: null };
    const entry = proven.get(id);
    if (entry?.index !== index) throw new FormatError(`${id} is not proven at index ${index}`);
    return { entryId: id, seq: entry.tenantSeq, index, body: parseBody(fromBase64(entry.body)) };
  });
}

/** The entries end where the question says. @throws FormatError */
function requirePoint({ asOf }: StateHistory, entries: readonly ReplayEntry[]): void {
  const last = asOf.index;
  const beyond = entries.find(({ index }) => last === null || index! > last);
  if (beyond) throw new FormatError(`${beyond.entryId} lies behind the point of the answer`);
  const { requested } = asOf;
  if (requested === null) throw new FormatError('the answer does not say as of when it is');
  if (/^[0-9]+$/.test(requested)) {
    if (Number(requested) !== last) throw new FormatError(`the answer is for index ${last}, not ${requested}`);
  } else if (requested.startsWith('led-')) {
    const named = entries.find(({ entryId }) => entryId === requested);
    if (named && named.index !== last) throw new FormatError(`the answer is not the state behind ${requested}`);
  } else {
    const later = entries.find(({ body }) => body && Date.parse(body.time) > Date.parse(requested));
    if (later) throw new FormatError(`${later.entryId} is later than ${requested}`);
  }
}
