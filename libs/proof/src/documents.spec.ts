import fc from 'fast-check';
import { canonicalJson, type JsonValue } from '#kernel';
import { concatBytes, fromBase64, fromUtf8, toBase64, toHex, utf8 } from '#merkle';
import {
  type Disclosure,
  nodeCrypto,
  type Receipt,
  verifyBundle,
  verifyDisclosure,
  verifyReceipt,
  witnessPolicy,
} from './index.js';
import { CompleteLog, completeLog, witnessVkeys } from './testing/complete-log.js';
import { fileOf, joined } from './testing/sample-log.js';

/** Documents with everything they can hold, and what becomes of them when any of it is changed. */
const crypto = nodeCrypto;
const log = completeLog();
const signed = log.entries.findIndex(({ body }) => fromUtf8(body).includes('"mode":"signed"'));
const trust = {
  crypto,
  log: log.vkey,
  viewKey: log.viewKey,
  rootPublicKey: log.rootPublicKey,
  witnesses: witnessPolicy(crypto, witnessVkeys(), 2),
};
const detailsOf = ({ steps }: Awaited<ReturnType<typeof verifyReceipt>>) =>
  Object.fromEntries(steps.map(({ step, open, detail }) => [step, `${open ? 'open: ' : ''}${detail}`]));

/** A change somewhere in a JSON value: what a forger could try without knowing what it is for. */
type Change = { at: number; kind: 'flip' | 'replace' | 'drop' | 'add' | 'swap'; with: JsonValue; bit: number };
const change: fc.Arbitrary<Change> = fc.record({
  at: fc.nat(),
  kind: fc.constantFrom('flip', 'replace', 'drop', 'add', 'swap'),
  with: fc.constantFrom<JsonValue>(null, 0, 1, -1, 2, 1e300, '', 'x', 'AA==', '00', [], {}, true, '\ud800', 2 ** 53),
  bit: fc.nat(6),
});

type Path = (string | number)[];

function placesOf(value: JsonValue, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const members = Object.entries(value) as [string, JsonValue][];
  const inside = members.flatMap(([name, member]) => placesOf(member, [...path, name]));
  return path.length === 0 ? inside : [path, ...inside];
}

/** The value with one place changed, and which; null where the change is none. */
function changed(value: JsonValue, { at, kind, with: other, bit }: Change): { value: JsonValue; path: Path } | null {
  const copy = JSON.parse(JSON.stringify(value)) as JsonValue;
  const places = placesOf(copy);
  const path = places[at % places.length]!;
  // biome-ignore lint/suspicious/noExplicitAny: any place of any document
  let holder: any = copy;
  for (const name of path.slice(0, -1)) holder = holder[name];
  const name = path.at(-1)!;
  const old = holder[name];
  if (kind === 'drop') {
    if (Array.isArray(holder)) holder.splice(Number(name), 1);
    else delete holder[name];
  } else if (kind === 'add') {
    if (Array.isArray(old)) old.push(old[0] ?? other);
    else if (Array.isArray(holder)) holder.push(old);
    else holder[`${name}x`] = other;
  } else if (kind === 'swap' && Array.isArray(old)) old.reverse();
  else if (kind === 'flip' && typeof old === 'string' && old.length > 0) {
    const place = at % old.length;
    holder[name] = old.slice(0, place) + String.fromCharCode(old.charCodeAt(place) ^ (1 << bit)) + old.slice(place + 1);
  } else if (kind === 'flip' && typeof old === 'number') holder[name] = old + 1;
  else if (kind === 'flip' && typeof old === 'boolean') holder[name] = !old;
  else holder[name] = other;
  return JSON.stringify(copy) === JSON.stringify(value) ? null : { value: copy, path };
}

/**
 * What nobody signs: the document says it, the report repeats it as said, and only the chain can tell. And what may be left
 * out: then the report says that it is not there.
 */
function isUnsigned(path: Path, value: JsonValue): boolean {
  const place = path.join('.');
  const member = (name: string) => (value as Record<string, JsonValue>)[name];
  if (/^anchor\.(chainId|contract|txHash|blockNumber|blockHash|finality|independentTrust)$/.test(place)) return true;
  if (place === 'anchor' && member('anchor') === null) return true;
  return place.endsWith('evidence');
}

describe('a receipt of version 2', () => {
  it('proves all that it has', async () => {
    const report = await verifyReceipt(fileOf(await log.receipt(signed)), { ...trust, requireSigned: true });
    expect(report).toMatchObject({ ok: true, failure: null, pinned: true, witnesses: 2, anchored: true });
    expect(report.steps.filter(({ open }) => open).map(({ step }) => step)).toEqual(['consistency']);
    expect(detailsOf(report).actor).toMatch(/^signed by usr-/);
  });

  it('that is changed anywhere fails, unless it says the same', async () => {
    const receipt = (await log.receipt(signed)) as unknown as JsonValue;
    const before = detailsOf(await verifyReceipt(fileOf(receipt), trust));
    await fc.assert(
      fc.asyncProperty(change, async (one) => {
        const forged = changed(receipt, one);
        fc.pre(forged !== null);
        const report = await verifyReceipt(fileOf(forged!.value), trust);
        if (report.ok && !isUnsigned(forged!.path, forged!.value)) expect(detailsOf(report)).toEqual(before);
        if (!report.ok) expect(report.firstBad!.detail).not.toBe('');
        if (!report.ok)
          expect(report).toMatchObject({ anchored: false, witnesses: 0, head: null, anchorProven: false });
      }),
      { numRuns: 1500 },
    );
  });

  it('with parts of another receipt of the same log fails', async () => {
    const [one, other] = [await log.receipt(signed), await log.receipt(log.size - 1)];
    for (const member of Object.keys(one) as (keyof Receipt)[]) {
      if (JSON.stringify(one[member]) === JSON.stringify(other[member])) continue;
      const report = await verifyReceipt(fileOf({ ...one, [member]: other[member] }), trust);
      expect([member, report.ok]).toEqual([member, false]);
    }
  });
});

describe('a disclosure', () => {
  const chosen = () => log.disclosure([signed, 0, log.size - 1].filter((at) => log.entries[at]!.tenant === log.tenant));

  it('opens what was chosen, in the order of the log', async () => {
    const disclosure = await chosen();
    const report = await verifyDisclosure(fileOf(disclosure), trust);
    expect(report).toMatchObject({ ok: true, pinned: true, tenant: log.tenant, entries: 3, witnesses: 2 });
    expect(report.steps.map(({ step }) => step)).toEqual([
      'format',
      'log-key',
      'checkpoint',
      ...['entry', 'actor', 'inclusion', 'entry', 'actor', 'inclusion', 'entry', 'actor', 'inclusion'],
      'witnesses',
      'anchor',
      'consistency',
    ]);
    const entries = disclosure.entries.map((entry) => ({ ...entry, evidence: null }));
    const withheld = await verifyDisclosure(fileOf({ ...disclosure, entries }), trust);
    const actors = withheld.steps.filter(({ step }) => step === 'actor').map(({ detail }) => detail);
    expect(actors).toContainEqual(expect.stringMatching(/^signed, evidence erased or not disclosed: /));
    const blind = await verifyDisclosure(fileOf(disclosure), { crypto });
    expect(blind).toMatchObject({ ok: true, pinned: false });
  });

  it('that is changed anywhere fails, unless it says the same', async () => {
    const disclosure = (await chosen()) as unknown as JsonValue;
    const before = await verifyDisclosure(fileOf(disclosure), trust);
    const said = before.steps.map(({ detail }) => detail);
    await fc.assert(
      fc.asyncProperty(change, async (one) => {
        const forged = changed(disclosure, one);
        fc.pre(forged !== null);
        const report = await verifyDisclosure(fileOf(forged!.value), trust);
        const { path } = forged!;
        // Leaving an entry out is the discloser's right.
        const fewer = path[0] === 'entries' && path.length === 2 && report.entries === 2;
        if (!report.ok || fewer || isUnsigned(path, forged!.value)) return;
        expect(report.steps.map(({ detail }) => detail)).toEqual(said);
      }),
      { numRuns: 1500 },
    );
  });

  it('of entries that do not continue one another, or of somebody else, is refused', async () => {
    const disclosure = await chosen();
    const foreign = log.entries.findIndex(({ tenant }) => tenant === log.tenants[1]);
    const stranger = await log.disclosure([signed, foreign]);
    expect((await verifyDisclosure(fileOf(stranger), { crypto })).firstBad).toMatchObject({ step: 'entry' });
    const twice: Disclosure = { ...disclosure, entries: [...disclosure.entries, disclosure.entries.at(-1)!] };
    expect((await verifyDisclosure(fileOf(twice), trust)).firstBad).toMatchObject({ step: 'format' });
    const none = { ...disclosure, entries: [] };
    expect((await verifyDisclosure(fileOf(none), trust)).firstBad).toMatchObject({ step: 'format' });
  });

  it('never makes the verifier throw', async () => {
    for (const text of ['', 'null', '[]', '{}', '{"v":1,"type":"freehold-disclosure"}', '\ufeff{}', '"x"']) {
      expect((await verifyDisclosure(utf8(text), { crypto })).firstBad).toMatchObject({ step: 'format' });
    }
  });
});

describe('a bundle of version 2', () => {
  const lines = () => log.bundle(log.tenant, { checkpoints: [5] });

  /** With a digest and counts that hold for the changed lines: whoever forges a bundle can write those anew. */
  function resealed(changedLines: Uint8Array[]): Uint8Array {
    let digest = crypto.sha256(utf8('freehold/bundle/v2\n'));
    for (const line of changedLines.slice(0, -1)) {
      digest = crypto.sha256(concatBytes(digest, crypto.sha256(line.subarray(0, -1))));
    }
    const trailer = JSON.parse(fromUtf8(changedLines.at(-1)!));
    return joined([
      ...changedLines.slice(0, -1),
      concatBytes(canonicalJson({ ...trailer, digest: toHex(digest) }), utf8('\n')),
    ]);
  }

  it('proves all that it has', async () => {
    const report = await verifyBundle(await lines(), trust);
    expect(report).toMatchObject({
      ...{ ok: true, failure: null, complete: true, pinned: true, anchored: true, witnesses: 2, tenant: log.tenant },
      ...{ signed: 3, evidenceErased: 1, erased: 1 },
    });
    const detail = report.steps.find(({ step }) => step === 'chain')!.detail;
    expect(detail).toContain('an entry says of each that it was erased');
  });

  it('that is changed anywhere fails, also with a digest made anew, unless it says the same', async () => {
    const all = await lines();
    const before = await verifyBundle(all, trust);
    const said = (report: typeof before) => report.steps.map(({ detail }) => detail);
    await fc.assert(
      fc.asyncProperty(fc.nat(), change, async (at, one) => {
        const place = at % (all.length - 1);
        const forged = changed(JSON.parse(fromUtf8(all[place]!)), one);
        fc.pre(forged !== null);
        let line: Uint8Array;
        try {
          line = concatBytes(canonicalJson(forged!.value), utf8('\n'));
        } catch {
          return;
        }
        const forgery = all.with(place, line);
        expect((await verifyBundle(forgery, trust)).ok).toBe(false);
        const report = await verifyBundle([resealed(forgery)], trust);
        const { path } = forged!;
        const evidenceGone = path.join('.') === 'entry.evidence';
        const unsigned = path[0] === 'anchor' && path[1] !== 'size' && path[1] !== 'root';
        // Nothing binds the name of an erased entry to its place but the entry that says so, which is not found then.
        const renamed = path.join('.') === 'entry.id' && fromUtf8(line).includes('"erased":true');
        if (report.ok && !evidenceGone && !unsigned && !renamed) expect(said(report)).toEqual(said(before));
      }),
      { numRuns: 1200 },
    );
  });

  it('with a request that is used twice, asked for something else, or comes of another key names the entry', async () => {
    const forgeries: [RegExp, (other: CompleteLog) => number][] = [
      [
        /is not what was done/,
        (other) => other.appendSigned(1, (body) => ({ ...body, after: { cidrBlock: '10.9.9.0/24' } })),
      ],
      [/is not what was done/, (other) => other.appendSigned(1, (body) => ({ ...body, action: 'subnet.deleted' }))],
      [
        /is the key of/,
        (other) => other.appendSigned(1, (body) => ({ ...body, actor: { type: 'user', id: 'usr-0000000000000000f' } })),
      ],
      [
        /no entry enrolled/,
        (other) => {
          return other.appendSigned(1, (body) => {
            return { ...body, vouched: { ...body.vouched, keyId: 'sgk-0000000000000000f' } as typeof body.vouched };
          });
        },
      ],
      [/enrolled by/, (other) => other.enrolForged(3)],
    ];
    for (const [why, forge] of forgeries) {
      const other = new CompleteLog();
      other.enrol(1, 'root');
      other.appendSigned(1);
      const index = forge(other);
      for (let at = 0; at < 3; at++) other.append(other.tenant);
      const report = await verifyBundle(await other.bundle(other.tenant), { ...trust, log: other.vkey });
      expect(report.firstBad).toMatchObject({ step: 'actor', index, entryId: other.entries[index]!.id });
      expect(report.firstBad!.detail).toMatch(why);
    }
  });

  it('with the same request behind two entries names the second', async () => {
    const other = new CompleteLog();
    other.enrol(1, 'root');
    const first = other.appendSigned(1);
    const second = other.replay(first);
    other.append(other.tenant);
    const report = await verifyBundle(await other.bundle(other.tenant), { ...trust, log: other.vkey });
    expect(report.firstBad).toMatchObject({ step: 'actor', index: second, detail: expect.stringContaining('before') });
  });

  it('with an erased entry of which nothing says so leaves it open, and names it', async () => {
    const other = new CompleteLog();
    for (let at = 0; at < 5; at++) other.append(other.tenant);
    other.erase(4, { silently: true });
    const report = await verifyBundle(await other.bundle(other.tenant), {
      ...trust,
      log: other.vkey,
      witnesses: undefined,
    });
    expect(report).toMatchObject({ ok: true, erased: 1 });
    const step = report.steps.find(({ step }) => step === 'chain')!;
    expect(step).toMatchObject({ open: true, detail: expect.stringContaining(`${other.entries[4]!.id} at index 4`) });
  });

  it('says whose evidence is missing, unless it went with an erased entry of the same request', async () => {
    const other = new CompleteLog();
    other.enrol(1, 'root');
    const shared = other.appendSigned(1);
    const second = other.replay(shared);
    other.eraseEvidence(second);
    const check = async () => {
      const pins = { ...trust, log: other.vkey, witnesses: undefined };
      const report = await verifyBundle(await other.bundle(other.tenant), pins);
      return report.steps.find(({ step }) => step === 'actor')!.detail;
    };
    expect(await check()).toContain(`the evidence of ${other.entries[second]!.id} at index ${second} was erased`);
    other.erase(shared);
    expect(await check()).not.toContain('was erased');
  });

  it('takes the first entry that fails, whether its signature was checked behind the others or not', async () => {
    const all = await lines();
    const place = all.findIndex((line) => fromUtf8(line).includes('"evidence":{"document"'));
    const line = JSON.parse(fromUtf8(all[place]!));
    const document = fromBase64(line.entry.evidence.document);
    document[40]! ^= 1;
    const spoilt = {
      ...line,
      entry: { ...line.entry, evidence: { ...line.entry.evidence, document: toBase64(document) } },
    };
    const late = all.slice(0, -3);
    const both = [...late.with(place, concatBytes(canonicalJson(spoilt), utf8('\n'))), utf8('{}\n')];
    expect((await verifyBundle(both, trust)).firstBad).toMatchObject({
      step: 'actor',
      entryId: line.entry.id,
      index: line.index,
    });
    const slow = async (jobs: readonly unknown[]) => {
      await new Promise((resolve) => setImmediate(resolve));
      return jobs.map(() => ({ ok: false as const, detail: 'said so' }));
    };
    const report = await verifyBundle(all, { ...trust, checkEvidence: slow });
    expect(report.firstBad).toMatchObject({ step: 'actor', index: line.index, detail: 'said so' });
    const broken = await verifyBundle(all, { ...trust, checkEvidence: () => Promise.reject(new Error('no threads')) });
    expect(broken.firstBad).toMatchObject({ step: 'actor', detail: 'no threads' });
    const mute = await verifyBundle(all, { ...trust, checkEvidence: async () => [] });
    expect(mute.firstBad).toMatchObject({ step: 'actor' });
  });
});
