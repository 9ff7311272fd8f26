import type { Failure, VerificationReport } from '#proof';
import { VerificationFailedError } from '../cli-errors.js';
import type { CommandContext } from '../command-context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { printable } from '../output/table.js';

/** Prints what was checked, step by step, and what it comes to. @throws VerificationFailedError when a step failed */
export async function printReport(context: CommandContext, report: VerificationReport): Promise<void> {
  const { printer } = context;
  if (printer.format === 'table') printer.text(renderReport(context, report));
  else await printer.document(report);
  if (report.ok && isProven(report)) return;
  if (report.ok) throw new VerificationFailedError('it does not prove what it is about', EXIT.notProven);
  const exitCode = EXIT_OF[report.failure ?? 'invalid'];
  throw new VerificationFailedError(report.firstBad?.detail ?? 'the verification failed', exitCode);
}

const EXIT_OF: Record<Failure, ExitCode> = {
  invalid: EXIT.verification,
  'not-pinned': EXIT.notPinned,
  'too-few-witnesses': EXIT.tooFewWitnesses,
  'anchor-not-proven': EXIT.notAnchored,
  inconsistent: EXIT.inconsistent,
  'not-signed': EXIT.notSigned,
};

function renderReport({ printer: { paint } }: CommandContext, report: VerificationReport): string {
  const lines = report.steps.map(({ ok, open, step, detail }) => {
    const mark = !ok ? paint.bad('✗') : open ? paint.warn('·') : paint.good('✓');
    return `${mark} ${paint.bold(step.padEnd(STEP_WIDTH))} ${printable(detail)}`;
  });
  lines.push('', report.ok ? verdictOf(report, paint) : paint.bad(`NOT VERIFIED${placeOf(report)}`));
  if (report.ok && !report.pinned) {
    lines.push(paint.warn("The log's key was taken from what it shows itself, and is not trusted because of that."));
    lines.push(paint.warn('Pin the one that you know: --vkey for once, "freehold trust add" for good.'));
  }
  if (report.ok && report.anchored && !report.independentTrust) {
    lines.push(paint.warn(report.anchorProven ? OWN_CHAIN : UNPROVEN_ANCHOR));
  }
  return lines.join('\n');
}

const OWN_CHAIN = 'The anchor is on a chain of the operator alone: it adds no independent trust.';
const UNPROVEN_ANCHOR =
  'The anchor is as the file says: it adds no independent trust until the chain is asked, or --block or --validators prove it.';
const STEP_WIDTH = 12;

/** Evidence against a log says in one sentence what it proves, or what it lacks. */
type EvidenceReport = VerificationReport & { conclusion?: string; broken?: boolean; equivocated?: boolean };

function isProven({ broken, equivocated }: EvidenceReport): boolean {
  return (broken ?? true) && (equivocated ?? true);
}

function verdictOf(report: EvidenceReport, paint: CommandContext['printer']['paint']): string {
  if (report.conclusion === undefined) return paint.good(`VERIFIED${scopeOf(report)}`);
  const conclusion = printable(report.conclusion);
  return isProven(report)
    ? paint.good(`PROVEN: ${conclusion}`)
    : paint.warn(`NOT PROVEN, though nothing is false: ${conclusion}`);
}

function scopeOf(
  report: VerificationReport & { complete?: boolean; entries?: number; tenant?: string | null },
): string {
  if (report.entries === undefined) return '';
  // Of a disclosure nothing says whether there are other entries, and no key would.
  if (report.complete === undefined) return `: ${report.entries} entries of ${printable(report.tenant ?? 'nobody')}`;
  const complete = report.complete ? ', and the list is complete' : '; complete or not takes --view-key';
  return `: ${report.entries} entries of ${printable(report.tenant ?? 'nobody')}${complete}`;
}

/** Names what failed: the entry, and its place in the log. */
function placeOf({ firstBad }: VerificationReport): string {
  const { entryId, index, step } = firstBad ?? {};
  const what = entryId === undefined ? `at the step ${step}` : `entry ${printable(entryId)}`;
  return `: ${what}${index === undefined ? '' : ` at index ${index}`}`;
}
