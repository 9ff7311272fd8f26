/** The levels of our processes' JSON lines (libs/telemetry), the mildest first. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What is the same on every line of a process, or shown elsewhere on it. */
const UNINTERESTING = new Set(['level', 'time', 'process', 'pid', 'host', 'message', 'err', 'context']);
const LONGEST_LINE = 2_000;

export interface LogLine {
  /** Text that is no JSON counts as a warning: a program that logs JSON prints text only when something is wrong. */
  level: LogLevel;
  text: string;
}

interface LoggedError {
  type?: string;
  message?: string;
  cause?: LoggedError;
}

/** One line of a process's output as a person reads it: `20:01:02 WARN  message  (Error: cause)  key=value`. */
export function readableLogLine(raw: string): LogLine {
  const fields = parseObject(raw);
  const level = LOG_LEVELS.find((known) => known === fields?.level);
  if (!fields || !level) return { level: 'warn', text: printable(raw) };
  const time = typeof fields.time === 'string' ? fields.time.slice(11, 19) : '';
  const parts = [`${time} ${level.toUpperCase().padEnd(5)} ${fields.message ?? ''}`.trim()];
  for (let error = fields.err as LoggedError | undefined; error?.message; error = error.cause) {
    if (!parts.some((part) => part.includes(error?.message ?? ''))) {
      parts.push(`(${error.type ?? 'Error'}: ${error.message})`);
    }
  }
  for (const [key, value] of Object.entries(fields)) {
    if (!UNINTERESTING.has(key)) parts.push(`${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  }
  return { level, text: printable(parts.join('  ')) };
}

function parseObject(raw: string): Record<string, unknown> | null {
  if (!raw.startsWith('{')) return null;
  try {
    return JSON.parse(raw) as Record<string, unknown>;
  } catch {
    return null;
  }
}

/** Keeps a log from steering the terminal: control characters are shown, not sent. */
function printable(text: string): string {
  const safe = text.replace(/\p{Cc}/gu, (character) =>
    character === '\t' ? ' ' : JSON.stringify(character).slice(1, -1),
  );
  return safe.length > LONGEST_LINE ? `${safe.slice(0, LONGEST_LINE)}...` : safe;
}
