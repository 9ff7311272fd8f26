/** The levels of pino's JSON lines. */
const LEVELS: [number, string][] = [
  [60, 'FATAL'],
  [50, 'ERROR'],
  [40, 'WARN'],
  [30, 'INFO'],
  [20, 'DEBUG'],
  [0, 'TRACE'],
];

/** What is the same on every line, or shown elsewhere on it. */
const UNINTERESTING = new Set(['level', 'time', 'pid', 'hostname', 'msg', 'name', 'v', 'err', 'context']);
const LONGEST_LINE = 2_000;

export interface LogLine {
  /** pino's number; text that is no JSON counts as 40 (a warning): a program that logs JSON prints text only when something is wrong. */
  level: number;
  text: string;
}

/** One line of a process's output as a person reads it: `20:01:02 WARN  message  key=value`. */
export function readableLogLine(raw: string): LogLine {
  const fields = parseObject(raw);
  if (!fields || typeof fields.level !== 'number') return { level: 40, text: printable(raw) };
  const time = new Date(fields.time as number | string);
  const clock = Number.isNaN(time.getTime()) ? '--:--:--' : time.toISOString().slice(11, 19);
  const level = LEVELS.find(([least]) => (fields.level as number) >= least)?.[1] ?? 'TRACE';
  const parts = [`${clock} ${level.padEnd(5)} ${fields.msg ?? ''}`.trimEnd()];
  const error = fields.err as { type?: unknown; message?: unknown } | undefined;
  if (error?.message) parts.push(`(${error.type ?? 'Error'}: ${error.message})`);
  for (const [key, value] of Object.entries(fields)) {
    if (!UNINTERESTING.has(key)) parts.push(`${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  }
  return { level: fields.level, text: printable(parts.join('  ')) };
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
