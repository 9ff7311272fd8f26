import fc from 'fast-check';
import { canonicalJson, type JsonValue } from '#kernel';
import { concatBytes, fromUtf8, TreeHasher, toBase64, toHex, utf8 } from '#merkle';
import { encodeBody, encodeLeaf, nodeCrypto, verifyBundle, verifyReceipt } from './index.js';
import { derived, fileOf, joined, SampleLog } from './testing/sample-log.js';

const crypto = nodeCrypto;
const log = new SampleLog();
for (let at = 0; at < 60; at++) log.append(log.tenants[at % 3 === 0 ? 1 : 0]!);
const acme = log.tenants[0]!;
const viewKey = log.viewKeys[0]!;
const leafHash = (leaf: Uint8Array) => new TreeHasher(crypto.sha256).leaf(leaf);

const verify = (lines: Uint8Array[], options = {}) =>
  verifyBundle(lines, { crypto, log: log.vkey, viewKey, ...options });

/** The first line number that is a leaf's, with the header and two checkpoints and one anchor before it. */
const FIRST_LEAF = 4;
const bundle = () => log.bundle(acme, { checkpoints: [20] });

function edited(line: Uint8Array, change: (value: Record<string, JsonValue>) => object): Uint8Array {
  const value = JSON.parse(fromUtf8(line));
  return concatBytes(canonicalJson({ ...value, ...change(value) }), utf8('\n'));
}

describe('a bundle', () => {
  it('proves the whole list of a tenant, offline', async () => {
    const report = await verify(await bundle(), { rootPublicKey: log.rootPublicKey });
    expect(report).toMatchObject({
      ok: true,
      firstBad: null,
      pinned: true,
      tenant: acme,
      leaves: 62,
      entries: log.entries.filter((entry) => entry.tenant === acme).length,
      complete: true,
      anchored: true,
      independentTrust: false,
    });
    expect(report.steps.map((step) => step.step)).toEqual([
      'log-key',
      'checkpoints',
      'tree',
      'chain',
      'completeness',
      'actor',
      'witnesses',
      'anchor',
      'consistency',
      'trailer',
    ]);
  });

  it('can be cut into chunks anywhere', async () => {
    const whole = joined(await bundle());
    for (const size of [1, 7, 1000, whole.length]) {
      const chunks = [];
      for (let at = 0; at < whole.length; at += size) chunks.push(whole.subarray(at, at + size));
      expect((await verify(chunks)).ok).toBe(true);
    }
  });

  it('does not claim completeness without the view key, nor a pinned log without a pin', async () => {
    const report = await verifyBundle(await bundle(), { crypto });
    expect(report).toMatchObject({ ok: true, complete: false, pinned: false });
  });

  it('continues the checkpoints that the verifier kept', async () => {
    const kept = [await log.checkpoint(11), await log.checkpoint(62)];
    expect((await verify(await bundle(), { knownCheckpoints: kept })).ok).toBe(true);
    const other = new SampleLog();
    for (let at = 0; at < 60; at++) other.append(other.tenants[1]!);
    const fork = await verify(await bundle(), { knownCheckpoints: [await other.checkpoint(11)] });
    expect(fork.firstBad).toMatchObject({
      step: 'consistency',
      index: 10,
      detail: expect.stringContaining('kept from earlier'),
    });
    expect(fork.failure).toBe('inconsistent');
    for (let at = 0; at < 5; at++) other.append(other.tenants[1]!);
    const older = await verify(await bundle(), { knownCheckpoints: [await other.checkpoint(67)] });
    expect(older.firstBad).toMatchObject({ step: 'consistency', detail: expect.stringContaining('newer') });
    const seen = await verify(await bundle(), { lastSeen: [await log.checkpoint(11), await other.checkpoint(67)] });
    expect(seen).toMatchObject({ ok: true, failure: null });
    expect(seen.steps.find(({ step }) => step === 'consistency')).toMatchObject({ open: true });
  });
});

describe('a forged bundle', () => {
  it('with one body changed names the entry', async () => {
    const lines = await bundle();
    const at = log.entries.findIndex((entry, index) => index > 30 && entry.tenant === acme);
    const body = Buffer.from(log.entries[at]!.body);
    body[body.indexOf('10.0.')]! ^= 2;
    lines[FIRST_LEAF + at] = edited(lines[FIRST_LEAF + at]!, ({ entry }) => ({
      entry: { ...(entry as object), body: toBase64(body) },
    }));
    const report = await verify(lines);
    expect(report.firstBad).toMatchObject({ step: 'leaf', index: at, entryId: log.entries[at]!.id });
    expect(report).toMatchObject({ ok: false, complete: false, anchored: false });
  });

  it.each<[string, Parameters<typeof edited>[1]]>([
    ["a stranger's leaf", () => ({ leaf: toBase64(log.entries[5]!.leaf) })],
    ['a leaf that is none', () => ({ leaf: 'AAAA' })],
    ['an index', () => ({ index: 31 })],
    ['the hash of a leaf', () => ({ hash: toHex(derived('x')) })],
  ])('with %s changed names the index', async (_what, change) => {
    const lines = await bundle();
    const at = log.entries.findIndex((entry, index) => index > 30 && entry.tenant !== acme);
    lines[FIRST_LEAF + at] = edited(lines[FIRST_LEAF + at]!, change);
    expect((await verify(lines)).firstBad).toMatchObject({ step: 'leaf', index: at });
  });

  it('with leaf and hash both exchanged fails at the next signed head', async () => {
    const lines = await bundle();
    const at = log.entries.findIndex((entry, index) => index > 5 && entry.tenant !== acme);
    const other = new SampleLog();
    for (let step = 0; step < 60; step++) other.append(other.tenants[1]!);
    const stranger = (await other.bundle(acme))[3 + 1 + at]!;
    lines[FIRST_LEAF + at] = edited(stranger, () => ({ index: at }));
    expect((await verify(lines)).firstBad).toMatchObject({ step: 'tree', index: 19 });
  });

  it('that leaves an entry out names it: the next, an earlier and the last', async () => {
    const own = [...log.entries.keys()].filter((index) => log.entries[index]!.tenant === acme);
    for (const hidden of [own.at(-1)!, own[10]!]) {
      const report = await verify(await log.bundle(acme, { hide: [hidden] }));
      expect(report.firstBad).toMatchObject({ step: 'leaf', index: hidden });
      expect(report.firstBad!.detail).toMatch(/the bundle leaves it out/);
    }
    const blind = await verify(await log.bundle(acme, { hide: [own.at(-1)!] }), { viewKey: undefined });
    expect(blind).toMatchObject({ ok: true, complete: false });
  });

  it('of a log that repeats a number of the tenant further on is not complete', async () => {
    const hostile = new SampleLog();
    for (let at = 0; at < 10; at++) hostile.append(acme);
    hostile.appendLeaf({ ...hostile.entries[4]!, tenant: 'nobody' });
    const report = await verify(await hostile.bundle(acme));
    expect(report.firstBad).toMatchObject({ step: 'completeness', index: 12 });
  });

  it('of a log that skips a number of the tenant, or takes in a leaf of another log, is found out', async () => {
    const skipping = new SampleLog();
    const last = skipping.entries[0]!;
    const tenantSeq = 3;
    const opening = {
      body: encodeBody(skipping.body(acme, 9)),
      salt: last.salt,
      tenantSeq,
      prevHash: leafHash(last.leaf),
    };
    const leaf = encodeLeaf(crypto, { origin: skipping.origin, viewKey, ...opening });
    skipping.appendLeaf({ tenant: acme, id: skipping.body(acme, 9).id, leaf, ...opening });
    const skipped = await verify(await skipping.bundle(acme), { viewKey: undefined });
    expect(skipped.firstBad).toMatchObject({
      step: 'leaf',
      index: 2,
      detail: expect.stringContaining('one is missing'),
    });
    const mixed = new SampleLog();
    mixed.appendLeaf({ ...new SampleLog('freehold/other').entries[1]!, tenant: 'nobody' });
    expect((await verify(await mixed.bundle(acme))).firstBad).toMatchObject({ step: 'leaf', index: 2 });
  });

  it('of a log that hides an entry behind numbers that it skips is not complete, and its receipt not possible otherwise', async () => {
    const hiding = new SampleLog();
    for (let at = 0; at < 10; at++) hiding.append(hiding.tenants[1]!);
    const hide = (tenantSeq: number) => {
      const body = hiding.body(acme, hiding.size);
      const opening = { body: encodeBody(body), salt: derived(body.id), tenantSeq, prevHash: derived('any') };
      const leaf = encodeLeaf(crypto, { origin: hiding.origin, viewKey, ...opening });
      hiding.appendLeaf({ tenant: 'nobody', id: body.id, leaf, ...opening });
      return hiding.receipt(hiding.size - 1);
    };
    const possible = await hide(7);
    const receiptOptions = { crypto, log: hiding.vkey, viewKey };
    expect(await verifyReceipt(fileOf(possible), receiptOptions)).toMatchObject({ ok: true });
    const report = await verify(await hiding.bundle(acme));
    expect(report).toMatchObject({ ok: false, complete: false, firstBad: { step: 'completeness', index: 12 } });
    expect(report.firstBad!.detail).toContain('entry number 7');
    const impossible = await verifyReceipt(fileOf(await hide(1_000_000)), receiptOptions);
    expect(impossible).toMatchObject({ ok: false, firstBad: { step: 'entry', index: 13 } });
  });

  it('with more leaves than its head covers names the first', async () => {
    const longer = new SampleLog();
    const short = await longer.bundle(acme);
    longer.append(acme);
    const [more] = (await longer.bundle(acme)).slice(-2);
    expect((await verify([...short.slice(0, -1), more!])).firstBad).toMatchObject({ step: 'leaf', index: 2 });
  });

  it('with entries swapped, doubled or of another tenant names where', async () => {
    const lines = await bundle();
    const swapped = [...lines];
    [swapped[FIRST_LEAF + 8], swapped[FIRST_LEAF + 9]] = [lines[FIRST_LEAF + 9]!, lines[FIRST_LEAF + 8]!];
    expect((await verify(swapped)).firstBad).toMatchObject({ step: 'leaf', index: 8 });
    const doubled = [...lines.slice(0, FIRST_LEAF + 9), ...lines.slice(FIRST_LEAF + 8)];
    expect((await verify(doubled)).firstBad).toMatchObject({ step: 'leaf', index: 9 });
    const other = await verify(await log.bundle(log.tenants[1]!));
    expect(other.firstBad).toMatchObject({ step: 'leaf', index: 0, detail: expect.stringContaining('leaves it out') });
    const blind = await verify(await log.bundle(log.tenants[1]!), { viewKey: undefined });
    expect(blind.ok).toBe(true);
  });

  it.each<[string, string, (lines: Uint8Array[]) => Uint8Array[]]>([
    ['no trailer', 'format', (lines) => lines.slice(0, -1)],
    ['a leaf missing at the end', 'tree', (lines) => lines.toSpliced(-2, 1)],
    ['no checkpoint for its size', 'checkpoints', (lines) => lines.toSpliced(2, 2)],
    ['checkpoints out of order', 'checkpoint', (lines) => [lines[0]!, lines[2]!, lines[1]!, ...lines.slice(3)]],
    ['a checkpoint behind the leaves', 'format', (lines) => [...lines.slice(0, -1), lines[1]!, lines.at(-1)!]],
    ['two headers', 'format', (lines) => [lines[0]!, ...lines]],
    ['no header', 'format', (lines) => lines.slice(1)],
    ['something after the trailer', 'format', (lines) => [...lines, lines[1]!]],
    [
      'an anchor without a checkpoint',
      'anchor',
      (lines) =>
        lines.with(
          3,
          edited(lines[3]!, ({ anchor }) => ({ anchor: { ...(anchor as object), size: 9 } })),
        ),
    ],
    [
      'an anchor of another head',
      'anchor',
      (lines) =>
        lines.with(
          3,
          edited(lines[3]!, ({ anchor }) => ({ anchor: { ...(anchor as object), root: toHex(derived('x')) } })),
        ),
    ],
    [
      'another transaction in its anchor',
      'trailer',
      (lines) =>
        lines.with(
          3,
          edited(lines[3]!, ({ anchor }) => ({
            anchor: { ...(anchor as object), txHash: `0x${toHex(derived('x'))}` },
          })),
        ),
    ],
    [
      'more entries announced',
      'chain',
      (lines) =>
        lines.with(
          0,
          edited(lines[0]!, ({ entries }) => ({ entries: (entries as number) + 1 })),
        ),
    ],
    [
      'another tenant announced',
      'leaf',
      (lines) =>
        lines.with(
          0,
          edited(lines[0]!, () => ({ tenant: log.tenants[1] })),
        ),
    ],
    [
      'counts that are not its own',
      'trailer',
      (lines) =>
        lines.with(
          -1,
          edited(lines.at(-1)!, () => ({ anchors: 2 })),
        ),
    ],
    ['a blank line', 'format', (lines) => [lines[0]!, utf8('\n'), ...lines.slice(1)]],
  ])('with %s fails at the step %s', async (_what, step, forge) => {
    expect((await verify(forge(await bundle()))).firstBad).toMatchObject({ step, ok: false });
  });

  it('with another genesis is found out by what the tenant pinned', async () => {
    const other = await verify(await bundle(), { rootPublicKey: toBase64(derived('my root key')) });
    expect(other.firstBad).toMatchObject({
      step: 'leaf',
      index: 0,
      detail: expect.stringContaining('another root key'),
    });
    const viewer = await verify(await bundle(), { viewKey: derived('another view key') });
    expect(viewer.firstBad).toMatchObject({ step: 'leaf', index: 0 });
    const logged = await verify(await bundle(), { log: new SampleLog('freehold/other').vkey });
    expect(logged.firstBad).toMatchObject({ step: 'log-key' });
  });

  it('is found out whatever single byte is changed, and the entry in the line is named', async () => {
    const lines = await bundle();
    const whole = joined(lines);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(7), async (at, bit) => {
        const changed = whole.slice();
        changed[at]! ^= 1 << bit;
        const report = await verify([changed]);
        expect(report.ok).toBe(false);
        expect(report.firstBad!.detail).not.toBe('');
      }),
      { numRuns: 200 },
    );
    const target = FIRST_LEAF + 33;
    const offset = joined(lines.slice(0, target)).length;
    for (let at = 0; at < lines[target]!.length - 1; at += 20) {
      const changed = whole.slice();
      changed[offset + at]! ^= 1;
      expect((await verify([changed])).firstBad).toMatchObject({ index: 33 });
    }
  });

  it('never makes the verifier throw', async () => {
    for (const text of ['', '\n', 'x\n', 'null\n', '{"type":"leaf"}\n', '{"type":"__proto__"}\n', '[]\n', '{"v":1}']) {
      expect((await verify([utf8(text)])).ok).toBe(false);
    }
    const endless = (function* () {
      for (;;) yield new Uint8Array(1 << 16).fill(0x20);
    })();
    expect((await verifyBundle(endless, { crypto })).firstBad).toMatchObject({ step: 'read' });
  });
});
