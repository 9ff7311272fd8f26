import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { COSIGNATURE_V1, cosignatureLine, formatVkey, noteKey, parseNote, TreeHasher, toBase64 } from '#merkle';
import { BundleWriter } from './bundle-format.js';
import {
  type BrokenPromise,
  nodeCrypto as crypto,
  type Equivocation,
  encodeBody,
  signPromise,
  verifyBrokenPromise,
  verifyEquivocation,
  witnessPolicy,
} from './index.js';
import { derived, fileOf, joined, SampleLog, signingKey } from './testing/sample-log.js';

const DEADLINE = 1_764_150_000;
const log = new SampleLog();
for (let at = 0; at < 20; at++) log.append(log.tenants[at % 2]!);
const acme = log.tenants[0]!;
const viewKey = log.viewKeys[0]!;
/** Of acme, and in the log from 13 entries on. */
const late = log.entries.findIndex((entry, index) => index >= 12 && entry.tenant === acme);

const parties = ['a', 'b', 'c'].map((name) => {
  const pair = signingKey(derived(`witness ${name}`));
  const key = noteKey(crypto.sha256, `witness.example/${name}`, pair.publicKey, COSIGNATURE_V1);
  const cosign = (note: string, time: number) =>
    `${note}${cosignatureLine(key, pair.sign, parseNote(note).text, time)}`;
  return { vkey: formatVkey(key), cosign };
});
const policy = witnessPolicy(
  crypto,
  parties.map(({ vkey }) => vkey),
  2,
);

function promiseOf(body: Uint8Array, entryId: string, by = log, tenant: string | null = acme): string {
  const bodyHash = new Uint8Array(createHash('sha256').update(body).digest());
  return signPromise(by.key, by.signer.sign, { origin: by.origin, tenant, entryId, bodyHash, deadline: DEADLINE });
}

/** The head of `size` entries, cosigned by a and b at these times. */
async function cosigned(size: number, times = [DEADLINE + 1, DEADLINE + 9], by = log): Promise<string> {
  return times.reduce((note, time, at) => parties[at]!.cosign(note, time), await by.checkpoint(size));
}

async function lateEvidence(change: Partial<BrokenPromise> = {}): Promise<BrokenPromise> {
  const { body, id } = log.entries[late]!;
  return {
    v: 1,
    type: 'freehold-broken-promise',
    log: { origin: log.origin, vkey: log.vkey },
    keys: [],
    promise: promiseOf(body, id),
    checkpoint: await cosigned(late),
    lacking: { kind: 'receipt', receipt: await log.receipt(late) },
    ...change,
  };
}

/** An entry of acme that was promised and never came. */
const missing = { body: encodeBody(log.body(acme, 999)), id: log.body(acme, 999).id };

async function bundleOf(hide: number[] = []) {
  const lines = await log.bundle(acme, { hide });
  const { digest } = JSON.parse(Buffer.from(lines.at(-1)!).toString());
  return { bytes: joined(lines), digest: digest as string };
}

const verify = (evidence: unknown, options: object = {}) =>
  verifyBrokenPromise(fileOf(evidence), { crypto, log: log.vkey, witnesses: policy, ...options });

describe('a broken promise', () => {
  it('is proven by the late receipt, and a head without it that witnesses cosigned after the deadline', async () => {
    const report = await verify(await lateEvidence());
    expect(report).toMatchObject({ ok: true, broken: true, pinned: true, deadline: DEADLINE, witnesses: 2 });
    expect(report.entryId).toBe(log.entries[late]!.id);
    expect(report.conclusion).toBe(
      `${log.entries[late]!.id} was promised by 2025-11-26T09:40:00.000Z and came later: at index ${late}`,
    );
  });

  it("is proven by the tenant's complete list in which the entry is not", async () => {
    const { bytes, digest } = await bundleOf();
    const evidence = await lateEvidence({
      promise: promiseOf(missing.body, missing.id),
      checkpoint: await cosigned(15),
      lacking: { kind: 'bundle', file: 'bundle.jsonl', digest },
    });
    expect(await verify(evidence, { bundle: [bytes], viewKey })).toMatchObject({ ok: true, broken: true });
    const alone = await verify(evidence);
    expect(alone).toMatchObject({ ok: true, broken: false });
    expect(alone.conclusion).toContain('that the entry is not in that head is not shown');
    const other = await log.bundle(acme, { checkpoints: [3] });
    expect(await verify(evidence, { bundle: other, viewKey })).toMatchObject({ ok: false, broken: false });
  });

  it('is not proven by the complete list of somebody whose entry was not promised', async () => {
    const { bytes, digest } = await bundleOf();
    const about = (tenant: string | null) =>
      lateEvidence({
        promise: promiseOf(missing.body, missing.id, log, tenant),
        checkpoint: '',
        lacking: { kind: 'bundle', file: 'bundle.jsonl', digest },
      });
    const checkpoint = await cosigned(15);
    const foreign = { ...(await about(log.tenants[1]!)), checkpoint };
    expect(await verify(foreign, { bundle: [bytes], viewKey })).toMatchObject({ ok: false, broken: false });
    const whose = { ...(await about(null)), checkpoint };
    const report = await verify(whose, { bundle: [bytes], viewKey });
    expect(report).toMatchObject({ ok: true, broken: false });
    expect(report.steps.find(({ step }) => step === 'absence')?.detail).toContain('does not say whose');
  });

  it('is not proven by a list in which the promised entry is shown as another one that was erased', async () => {
    const writer = new BundleWriter(crypto);
    const { origin, vkey, size } = log;
    const own = log.entries.filter(({ tenant }) => tenant === acme).length;
    const lines = [
      writer.header({ origin, vkey, keys: [], tenant: acme, size, entries: own }),
      writer.checkpoint(await log.checkpoint()),
    ];
    for (const [index, { leaf, tenant, id, tenantSeq: seq, body, salt }] of log.entries.entries()) {
      const opened = { id, seq, body, salt, evidence: null };
      const shown = index === late ? { id: missing.id, seq, body: null } : opened;
      const hash = new TreeHasher(crypto.sha256).leaf(leaf);
      lines.push(writer.leaf(index, hash, leaf, tenant === acme ? shown : null));
    }
    lines.push(writer.trailer());
    const { digest } = JSON.parse(Buffer.from(lines.at(-1)!).toString());
    const evidence = await lateEvidence({
      checkpoint: await cosigned(20),
      lacking: { kind: 'bundle', file: 'bundle.jsonl', digest },
    });
    const report = await verify(evidence, { bundle: lines, viewKey });
    expect(report).toMatchObject({ ok: true, broken: false });
    expect(report.conclusion).toContain('that the entry is not in that head is not shown');
  });

  it('is proven at once by the same id with another body', async () => {
    const { id } = log.entries[late]!;
    const evidence = await lateEvidence({ promise: promiseOf(missing.body, id), checkpoint: await cosigned(20, []) });
    const report = await verify(evidence, { witnesses: undefined });
    expect(report).toMatchObject({ ok: true, broken: true });
    expect(report.conclusion).toContain('is in the log with another');
  });

  it.each<[string, () => Promise<[unknown, object?]>, RegExp]>([
    [
      'nobody cosigned the head',
      async () => [await lateEvidence({ checkpoint: await log.checkpoint(late) })],
      /newest after/,
    ],
    [
      'they did so before the deadline',
      async () => [await lateEvidence({ checkpoint: await cosigned(late, [DEADLINE, DEADLINE]) })],
      /newest after/,
    ],
    [
      'one of them did',
      async () => [await lateEvidence({ checkpoint: await cosigned(late, [DEADLINE, DEADLINE + 1]) })],
      /newest after/,
    ],
    ['no witness is trusted', async () => [await lateEvidence(), { witnesses: undefined }], /newest after/],
    ['the log is not pinned', async () => [await lateEvidence(), { log: undefined }], /not pinned/],
    [
      'nothing shows what the head holds',
      async () => [await lateEvidence({ lacking: { kind: 'none' } })],
      /not in that head/,
    ],
  ])('is not proven when %s, though nothing is false', async (_what, make, why) => {
    const [evidence, options] = await make();
    const report = await verify(evidence, options);
    expect(report).toMatchObject({ ok: true, broken: false, failure: null });
    expect(report.conclusion).toMatch(why);
  });

  const stranger = new SampleLog('freehold/other');
  it.each<[string, () => Promise<[unknown, object?]>]>([
    ['the head has the entry', async () => [await lateEvidence({ checkpoint: await cosigned(late + 1) })]],
    [
      'the receipt is of another entry',
      async () => [await lateEvidence({ lacking: { kind: 'receipt', receipt: await log.receipt(0) } })],
    ],
    [
      'the receipt is forged',
      async () => [
        await lateEvidence({ lacking: { kind: 'receipt', receipt: { ...(await log.receipt(late)), index: 1 } } }),
      ],
    ],
    [
      'a witness had seen the entry in time',
      async () => {
        const receipt = await log.receipt(late, 18);
        const checkpoint = await log.checkpoint(18);
        const seen = parties[2]!.cosign(checkpoint, DEADLINE);
        const kept = { ...receipt, proof: receipt.proof.replace(checkpoint, seen) };
        return [await lateEvidence({ lacking: { kind: 'receipt', receipt: kept } })];
      },
    ],
    [
      'somebody else made the promise',
      async () => [
        await lateEvidence({ promise: promiseOf(log.entries[late]!.body, log.entries[late]!.id, stranger) }),
      ],
    ],
    ['another log signed the head', async () => [await lateEvidence({ checkpoint: await stranger.checkpoint(1) })]],
    ['another log is expected', async () => [await lateEvidence(), { log: stranger.vkey }]],
    [
      'a cosignature is forged',
      async () => [await lateEvidence({ checkpoint: (await cosigned(late)).replace(/.{8}\n$/, 'AAAAAAA=\n') })],
    ],
    [
      'the bundle has the entry',
      async () => {
        const { bytes, digest } = await bundleOf();
        const lacking = { kind: 'bundle' as const, file: 'b', digest };
        return [await lateEvidence({ checkpoint: await cosigned(20), lacking }), { bundle: [bytes], viewKey }];
      },
    ],
    [
      'the bundle hides an entry',
      async () => {
        const { bytes, digest } = await bundleOf([late]);
        const lacking = { kind: 'bundle' as const, file: 'b', digest };
        return [await lateEvidence({ checkpoint: await cosigned(20), lacking }), { bundle: [bytes], viewKey }];
      },
    ],
    ['a member is missing', async () => [{ ...(await lateEvidence()), keys: undefined }]],
    ['there is a member too much', async () => [{ ...(await lateEvidence()), more: 1 }]],
    ['it is no JSON object', async () => [[]]],
  ])('is refused when %s', async (_what, make) => {
    const [evidence, options] = await make();
    const report = await verify(evidence, options);
    expect(report).toMatchObject({ ok: false, broken: false });
    expect(report.conclusion).toMatch(/^not proven: /);
  });

  it('proves nothing else with one character changed', async () => {
    const evidence = await lateEvidence();
    const text = Buffer.from(fileOf(evidence)).toString();
    const { conclusion, entryId, deadline } = await verify(evidence);
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length - 1), fc.integer({ min: 32, max: 126 }), async (at, code) => {
        const changed = text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1);
        const options = { crypto, log: log.vkey, witnesses: policy };
        const report = await verifyBrokenPromise(Buffer.from(changed), options);
        if (report.broken) expect(report).toMatchObject({ conclusion, entryId, deadline });
      }),
      { numRuns: 300 },
    );
  });
});

describe('an equivocation', () => {
  /** The same log, with another history from its ninth entry on. */
  const fork = new SampleLog();
  for (let at = 0; at < 20; at++) fork.append(fork.tenants[at < 7 ? at % 2 : 0]!);

  const evidenceOf = async (change: Partial<Equivocation>): Promise<Equivocation> => ({
    v: 1,
    type: 'freehold-equivocation',
    log: { origin: log.origin, vkey: log.vkey },
    keys: [],
    first: await log.checkpoint(15),
    second: await fork.checkpoint(15),
    prefix: null,
    proof: [],
    ...change,
  });
  const verifyHeads = (evidence: unknown, pin: string | undefined = log.vkey) =>
    verifyEquivocation(fileOf(evidence), { crypto, log: pin });

  it('is two signed heads of one size', async () => {
    const report = await verifyHeads(await evidenceOf({}));
    expect(report).toMatchObject({ ok: true, equivocated: true });
    expect(report.conclusion).toMatch(/^the log signed two heads of 15 entries/);
  });

  it('is a larger head that does not continue a smaller one, whatever the sizes', async () => {
    for (let first = 1; first < 20; first++) {
      for (const second of [first + 1, 20]) {
        const tree = fork.tileTree();
        const report = await verifyHeads(
          await evidenceOf({
            first: await log.checkpoint(first),
            second: await fork.checkpoint(second),
            prefix: toBase64(await tree.root(first)),
            proof: (await tree.consistencyProof(first, second)).map(toBase64),
          }),
        );
        // The two histories begin alike: the genesis entries and seven more.
        expect([first, report.equivocated]).toEqual([first, first > 9]);
      }
    }
  });

  it.each<[string, () => Promise<Partial<Equivocation>>]>([
    ['the heads are the same', async () => ({ second: await log.checkpoint(15) })],
    ['the larger one stands first', async () => ({ first: await log.checkpoint(16) })],
    ['there is no proof', async () => ({ second: await fork.checkpoint(16) })],
    [
      'the proof is of another tree',
      async () => ({
        second: await fork.checkpoint(16),
        prefix: toBase64(derived('root')),
        proof: (await log.tileTree().consistencyProof(15, 16)).map(toBase64),
      }),
    ],
    ['another log signed', async () => ({ second: await new SampleLog('freehold/other').checkpoint(2) })],
    ['a signature is forged', async () => ({ second: (await fork.checkpoint(15)).replace(/.{8}\n$/, 'AAAAAAA=\n') })],
  ])('is none when %s', async (_what, change) => {
    expect(await verifyHeads(await evidenceOf(await change()))).toMatchObject({ ok: false, equivocated: false });
  });

  it('proves nothing of a log that is not pinned', async () => {
    const report = await verifyEquivocation(fileOf(await evidenceOf({})), { crypto });
    expect(report).toMatchObject({ ok: true, equivocated: false });
  });
});
