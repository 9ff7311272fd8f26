import { readFileSync } from 'node:fs';
import {
  type Disclosure,
  nodeCrypto,
  type Receipt,
  type VerificationReport,
  verifyBundle,
  verifyDisclosure,
  verifyReceipt,
  witnessPolicy,
} from '#proof';

/** The published documents of version 2, and the disclosure, against the library. */
const file = (name: string) => readFileSync(new URL(name, import.meta.url));
const json = (name: string) => JSON.parse(file(name).toString('utf8'));
const bytes = (document: unknown) => Buffer.from(JSON.stringify(document));

interface Pins {
  logVkey: string;
  viewKey: string;
  rootPublicKey: string;
  witnesses: string[];
  threshold: number;
}

function trustOf({ logVkey, viewKey, rootPublicKey, witnesses, threshold }: Pins) {
  return {
    crypto: nodeCrypto,
    log: logVkey,
    viewKey: Buffer.from(viewKey, 'hex'),
    rootPublicKey,
    witnesses: witnessPolicy(nodeCrypto, witnesses, threshold),
  };
}

const actorOf = ({ steps }: VerificationReport) => steps.find(({ step }) => step === 'actor')?.detail;

describe('receipts of version 2', () => {
  const vector: Pins & { receipt: Receipt; forgeries: { why: string; step: string; receipt: unknown }[] } =
    json('receipt-v2.json');

  it('hold', async () => {
    const report = await verifyReceipt(bytes(vector.receipt), { ...trustOf(vector), requireSigned: true });
    expect(report).toMatchObject({ ok: true, pinned: true, witnesses: 2, anchored: true });
    expect(actorOf(report)).toMatch(/^signed by usr-/);
  });

  it.each(vector.forgeries)('with $why fail at $step', async ({ step, receipt }) => {
    expect((await verifyReceipt(bytes(receipt), trustOf(vector))).firstBad).toMatchObject({ step, ok: false });
  });
});

describe('disclosures', () => {
  const vector: Pins & {
    entries: number;
    disclosure: Disclosure;
    forgeries: { why: string; step: string; disclosure: unknown }[];
  } = json('disclosure-v1.json');

  it('hold', async () => {
    const report = await verifyDisclosure(bytes(vector.disclosure), trustOf(vector));
    expect(report).toMatchObject({ ok: true, pinned: true, entries: vector.entries, witnesses: 2 });
  });

  it.each(vector.forgeries)('with $why fail at $step', async ({ step, disclosure }) => {
    expect((await verifyDisclosure(bytes(disclosure), trustOf(vector))).firstBad).toMatchObject({ step, ok: false });
  });
});

describe('bundles of version 2', () => {
  const vector: Pins & {
    tenant: string;
    leaves: number;
    entries: number;
    signed: number;
    evidenceErased: number;
    erased: number;
    knownCheckpoint: string;
    edits: {
      why: string;
      line: number;
      find: string;
      replace: string;
      step: string;
      index?: number;
      entryId?: string;
    }[];
  } = json('bundle-v2.json');
  const bundle = file('bundle-v2.jsonl');

  it('hold', async () => {
    const { tenant, leaves, entries, signed, evidenceErased, erased, knownCheckpoint } = vector;
    const report = await verifyBundle([bundle], { ...trustOf(vector), knownCheckpoints: [knownCheckpoint] });
    expect(report).toMatchObject({ ok: true, complete: true, anchored: true, tenant, leaves, entries });
    expect(report).toMatchObject({ signed, evidenceErased, erased, witnesses: 2 });
  });

  it.each(vector.edits)('with $why changed fail at $step', async ({ line, find, replace, step, index, entryId }) => {
    const lines = bundle.toString('utf8').split('\n');
    expect(lines[line - 1]).toContain(find);
    lines[line - 1] = lines[line - 1]!.replace(find, replace);
    const report = await verifyBundle([Buffer.from(lines.join('\n'))], trustOf(vector));
    expect(report.firstBad).toMatchObject({
      step,
      ...(index === undefined ? {} : { index }),
      ...(entryId ? { entryId } : {}),
    });
  });
});
