import { LOG_LEVELS, readableLogLine } from '#embedded';

const SHOWN = LOG_LEVELS.slice(LOG_LEVELS.indexOf('warn'));
const LONGEST_NAME = 9;
const COLOURS = [36, 35, 33, 32, 34, 31];

/** What a person sees of the stack: its own words, and the children's log lines behind their names. */
export class StackConsole {
  private readonly colours = new Map<string, number>();

  constructor(
    private readonly out: NodeJS.WritableStream & { isTTY?: boolean },
    private readonly verbose: boolean,
    private readonly useColour = out.isTTY === true && !process.env.NO_COLOR,
  ) {}

  say(line: string): void {
    this.write('freehold', line);
  }

  /** A line of a child's output; below a warning only when everything was asked for. */
  childLine(name: string, raw: string): void {
    const { level, text } = readableLogLine(raw);
    if (this.verbose || SHOWN.includes(level)) this.write(name, text);
  }

  block(text: string): void {
    this.out.write(text);
  }

  private write(name: string, text: string): void {
    const label = `${name.padEnd(LONGEST_NAME)} |`;
    const prefix = this.useColour ? `\u001b[${this.colourOf(name)}m${label}\u001b[0m` : label;
    for (const line of text.split('\n')) this.out.write(`${prefix} ${line}\n`);
  }

  private colourOf(name: string): number {
    const known = this.colours.get(name);
    if (known !== undefined) return known;
    const colour = COLOURS[this.colours.size % COLOURS.length] as number;
    this.colours.set(name, colour);
    return colour;
  }
}
