import { type Blocker, DomainError, type FieldError, InvalidInputError } from '#kernel';
import { UsageError, VerificationFailedError } from '../cli-errors.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { RESOURCES } from '../resources/index.js';
import type { Paint } from './paint.js';
import { printable } from './table.js';

/** Of who may not do what was asked for, as things are: another credential or a signature would help. */
const AUTH_CATEGORIES = new Set(['unauthenticated', 'forbidden', 'precondition-required']);

/** Codes under which the client refuses data that is not what its signature or its hash says. */
const VERIFICATION_CODES = new Set(['CorruptDataset', 'UntrustedSignature']);

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError || error instanceof InvalidInputError) return EXIT.usage;
  if (error instanceof VerificationFailedError) return error.exitCode;
  if (!(error instanceof DomainError)) return EXIT.error;
  if (VERIFICATION_CODES.has(error.code)) return EXIT.verification;
  if (AUTH_CATEGORIES.has(error.category)) return EXIT.auth;
  if (error.category === 'conflict' || error.category === 'precondition-failed') return EXIT.conflict;
  return EXIT.error;
}

/** A refusal for people: what, then each field with its rule and its fix, then what stands in the way in a safe order. */
export function renderProblem(error: unknown, paint: Paint): string {
  const lines = [`${paint.bad('error')}: ${printable(messageOf(error))}`];
  if (error instanceof DomainError) {
    for (const field of membersOf<FieldError>(error, 'errors')) lines.push(...fieldLines(field, paint));
    const blockers = membersOf<Blocker>(error, 'blockers');
    if (blockers.length > 0) lines.push('  in the way, in the order in which they can be removed:');
    for (const [at, { id, kind, fix }] of blockers.entries()) {
      lines.push(`    ${at + 1}. ${paint.bold(printable(`${kind} ${id}`))}: ${printable(commandFor(fix))}`);
    }
    const { requestId } = error.extra as { requestId?: string };
    const reference = requestId ? `  ${error.code}, request ${printable(requestId)}` : `  ${error.code}`;
    lines.push(paint.dim(reference));
  }
  return `${lines.join('\n')}\n`;
}

function fieldLines({ pointer, rule, message, fix }: FieldError, paint: Paint): string[] {
  return [
    `  ${paint.bold(printable(pointer || '/'))}: ${printable(message)} ${paint.dim(`(${printable(rule)})`)}`,
    `    fix: ${printable(fix)}`,
  ];
}

/** The command for a route that the API names as a fix: people at a command line do not send requests. */
function commandFor(fix: string): string {
  const [, method, path = ''] = /^([A-Z]+) (\/v1\/\S+)$/.exec(fix) ?? [];
  const verbs = RESOURCES.flatMap(({ noun, verbs }) => verbs.map((verb) => ({ noun, verb })));
  for (const { noun, verb } of verbs.filter(({ verb }) => verb.method === method)) {
    const pattern = new RegExp(`^${verb.path.replace(/\{[^}]+\}/g, '([^/?]+)')}$`);
    const ids = pattern.exec(path)?.slice(1);
    if (ids) return ['freehold', noun, verb.name, ...ids].join(' ');
  }
  return fix;
}

/** The same for programs: what the API sent, or the like for what went wrong here. */
export function problemDocument(error: unknown): Record<string, unknown> {
  if (!(error instanceof DomainError)) return { code: 'Error', detail: messageOf(error) };
  const { code, category, extra } = error;
  const own = { code, category, detail: error.message };
  const errors = membersOf<FieldError>(error, 'errors');
  const blockers = membersOf<Blocker>(error, 'blockers');
  return { ...extra, ...own, ...(errors.length > 0 && { errors }), ...(blockers.length > 0 && { blockers }) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A problem that came from the API carries these among its further members. */
function membersOf<T>(error: DomainError, name: 'errors' | 'blockers'): T[] {
  const own = error[name] as T[];
  const sent = error.extra[name];
  return own.length > 0 ? own : Array.isArray(sent) ? (sent as T[]) : [];
}
