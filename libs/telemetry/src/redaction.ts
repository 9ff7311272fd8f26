/** Members whose value is never logged, at the top of a log line and one and two levels down. */
const SECRET_MEMBERS = [
  'apiKey',
  'authorization',
  'cookie',
  'identity',
  'kek',
  'passphrase',
  'password',
  'preSharedKey',
  'privateKey',
  'secret',
  'secretHmac',
  'seed',
  'ticket',
  'token',
  'viewKey',
];

/** Paths for pino's `redact`. A dash or another sign in a name needs the bracket form. */
export const REDACTED_PATHS: string[] = SECRET_MEMBERS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

const SECRET_TEXTS: [RegExp, string][] = [
  // An API key keeps its public id, so that the line still says which key it was.
  [/\bfh_([0-9a-f]{17})_[A-Za-z0-9_-]{43}/g, 'fh_$1_[redacted]'],
  [/\bwhsec_[A-Za-z0-9+/=]{16,}/g, 'whsec_[redacted]'],
  [/\b(Bearer\s+)(?!fh_)[A-Za-z0-9._~+/=-]{8,}/gi, '$1[redacted]'],
  // The password in a URL: postgres://user:password@host
  [/\b([a-z][a-z0-9+.-]*:\/\/[^\s:/@"\\]*):[^\s/@"\\]+@/gi, '$1:[redacted]@'],
  [/AGE-SECRET-KEY-1[A-Z0-9]+/g, 'AGE-SECRET-KEY-1[redacted]'],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----/gs, '[redacted private key]'],
];

/**
 * The last net under everything that is written: whatever looks like a credential is blotted out, also inside messages and
 * stacks, where no member has a name. It does not replace keeping secrets out.
 */
export function scrub(line: string): string {
  return SECRET_TEXTS.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), line);
}
