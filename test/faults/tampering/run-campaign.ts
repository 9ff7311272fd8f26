import { utf8 } from '#merkle';
import { SeededRandom } from '../seeded-random.js';
import {
  BUNDLE_FORGERIES,
  differentEntry,
  RECEIPT_FORGERIES,
  type ReceiptForgery,
  SIGNED_RECEIPT_FORGERIES,
} from './document-tamperings.js';
import { isShown, ROW_TAMPERINGS, sameRequest } from './row-tamperings.js';
import { type KnownEntry, TamperedLedger, type Verdict } from './tampered-ledger.js';

/** How one kind of tampering fared. */
export interface KindFigures {
  kind: string;
  tried: number;
  detected: number;
  /** Of those where the first bad entry is beyond doubt: how many there were, and how many named it. */
  nameable: number;
  named: number;
  /** How it was noticed, for the first that was. */
  example: string;
}

export interface CampaignReport {
  kinds: KindFigures[];
  /** What was not noticed, or named another entry. Empty when all is well. */
  missed: string[];
  /** What was said of untouched copies. Empty when all is well. */
  falseAlarms: string[];
  untouched: number;
  entries: number;
  seconds: number;
}

/** After so many tamperings the untouched ledger is looked at again. */
const LOOK_AT_UNTOUCHED_EVERY = 20;

type Attempt = (ledger: TamperedLedger, random: SeededRandom) => Promise<{ verdict: Verdict; index: number | null }>;

/** Tampers `count` times, each kind as often as any other, and has the auditor look each time. */
export async function runCampaign(count: number, seed: number): Promise<CampaignReport> {
  const random = new SeededRandom(seed);
  const from = performance.now();
  const ledger = await TamperedLedger.make();
  const attempts = attemptsByKind();
  const report: CampaignReport = {
    kinds: attempts.map(([kind]) => ({ kind, tried: 0, detected: 0, nameable: 0, named: 0, example: '' })),
    missed: [],
    falseAlarms: [],
    untouched: 0,
    entries: ledger.size,
    seconds: 0,
  };
  try {
    for (let at = 0; at < count; at += 1) {
      if (at % LOOK_AT_UNTOUCHED_EVERY === 0) await lookAtUntouched(ledger, random, report);
      const [kind, attempt] = attempts[at % attempts.length] as [string, Attempt];
      const { verdict, index } = await attempt(ledger, random);
      tally(report, kind, `${kind} (seed ${seed}, turn ${at})`, verdict, index);
    }
    await lookAtUntouched(ledger, random, report);
    return { ...report, seconds: (performance.now() - from) / 1000 };
  } finally {
    await ledger.close();
  }
}

function tally(report: CampaignReport, kind: string, what: string, verdict: Verdict, index: number | null): void {
  const figures = report.kinds.find((one) => one.kind === kind) as KindFigures;
  figures.tried += 1;
  if (verdict.wrong === null) {
    report.missed.push(`${what}: nobody noticed`);
    return;
  }
  figures.detected += 1;
  figures.example ||= verdict.wrong;
  if (index === null) return;
  figures.nameable += 1;
  if (verdict.index === index) figures.named += 1;
  else
    report.missed.push(`${what}: index ${index} was bad, and ${verdict.index ?? 'none'} was named: ${verdict.wrong}`);
}

function attemptsByKind(): [string, Attempt][] {
  return [
    ...Object.entries(ROW_TAMPERINGS).map(([kind, tamper]): [string, Attempt] => [
      `rows: ${kind}`,
      async (ledger, random) => {
        const { tenant, about, index } = await tamper(ledger, random);
        const verdict = await ledger.audit(tenant, about);
        await ledger.restore();
        return { verdict, index };
      },
    ]),
    ...forgedReceipts(RECEIPT_FORGERIES, ({ tenant, erased }) => tenant >= 0 && !erased),
    ...forgedReceipts(SIGNED_RECEIPT_FORGERIES, isShown),
    ...Object.entries(BUNDLE_FORGERIES).map(([kind, forge]): [string, Attempt] => [
      `bundle: ${kind}`,
      async (ledger, random) => {
        const tenant = random.below(ledger.tenants.length);
        const { bytes, index } = forge(ledger.tenants[tenant]?.bundle ?? new Uint8Array(0), random);
        return { verdict: await ledger.verdictOnBundle(tenant, bytes), index };
      },
    ]),
  ];
}

function forgedReceipts(
  forgeries: Record<string, ReceiptForgery>,
  suits: (entry: KnownEntry) => boolean,
): [string, Attempt][] {
  return Object.entries(forgeries).map(([kind, forge]) => [
    `receipt: ${kind}`,
    async (ledger, random) => {
      const entry = random.pick(ledger.entries.filter(suits));
      const others = ledger.entries.filter((one) => suits(one) && !sameRequest(one, entry));
      const other = differentEntry(others, entry, random);
      const [own, another] = [await ledger.receiptOf(entry), await ledger.receiptOf(other)];
      const forged = forge(JSON.parse(own), JSON.parse(another), random, ledger);
      return { verdict: await ledger.verdictOnReceipt(entry, forged), index: null };
    },
  ]);
}

async function lookAtUntouched(ledger: TamperedLedger, random: SeededRandom, report: CampaignReport): Promise<void> {
  for (const [tenant, { bundle }] of ledger.tenants.entries()) {
    const entry = random.pick(ledger.entries.filter((one) => one.tenant === tenant && !one.erased));
    const verdicts = [
      await ledger.audit(tenant, entry),
      await ledger.verdictOnBundle(tenant, bundle),
      await ledger.verdictOnReceipt(entry, utf8(await ledger.receiptOf(entry))),
    ];
    report.untouched += verdicts.length;
    for (const { wrong } of verdicts) if (wrong !== null) report.falseAlarms.push(wrong);
  }
}
