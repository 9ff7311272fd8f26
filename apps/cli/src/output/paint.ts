/** Colours, or none: every caller writes the same text. */
export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  warn(text: string): string;
  bad(text: string): string;
}

const sequence = (open: number, close: number) => (text: string) => `\u001b[${open}m${text}\u001b[${close}m`;
const plain = (text: string) => text;

const COLOURS: Paint = {
  bold: sequence(1, 22),
  dim: sequence(2, 22),
  good: sequence(32, 39),
  warn: sequence(33, 39),
  bad: sequence(31, 39),
};
const NONE: Paint = { bold: plain, dim: plain, good: plain, warn: plain, bad: plain };

/** no-color.org: a NO_COLOR that is not empty, `--no-color`, a dumb terminal or a file get no colours. */
export function paintFor(env: Record<string, string | undefined>, isTty: boolean, wanted: boolean): Paint {
  return wanted && isTty && !env.NO_COLOR && env.TERM !== 'dumb' ? COLOURS : NONE;
}

const STATES: Record<string, 'good' | 'warn' | 'bad'> = {
  ...{ available: 'good', active: 'good', anchored: 'good', final: 'good', ready: 'good', finalized: 'good' },
  ...{ attached: 'good', succeeded: 'good', filled: 'good', programmed: 'good', verified: 'good' },
  ...{
    pending: 'warn',
    running: 'warn',
    deleting: 'warn',
    draining: 'warn',
    suspended: 'warn',
    paused: 'warn',
    detaching: 'warn',
  },
  ...{ recorded: 'warn', expired: 'warn', verifying: 'warn', copying: 'warn' },
  ...{ failed: 'bad', blackhole: 'bad', revoked: 'bad', cancelled: 'bad', deleted: 'bad' },
};

/** The word of a state in its colour. */
export function paintState(paint: Paint, word: string): string {
  const colour = STATES[word];
  return colour ? paint[colour](word) : word;
}
