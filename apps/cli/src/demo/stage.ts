import { formatSeconds } from '../output/amounts.js';
import type { Paint } from '../output/paint.js';

/** Tells what happens, one line a step, with its time. */
export class Stage {
  private readonly begin = performance.now();

  constructor(
    private readonly write: (text: string) => void,
    readonly paint: Paint,
  ) {}

  get seconds(): number {
    return (performance.now() - this.begin) / 1000;
  }

  chapter(title: string): void {
    this.write(`\n${this.paint.bold(title)}\n`);
  }

  /** Runs a step and tells what came of it. */
  async step<T>(work: () => Promise<T>, told: string | ((result: T) => string)): Promise<T> {
    const begin = performance.now();
    const result = await work();
    const took = formatSeconds((performance.now() - begin) / 1000);
    this.write(
      `  ${this.paint.good('✓')} ${typeof told === 'string' ? told : told(result)}  ${this.paint.dim(took)}\n`,
    );
    return result;
  }

  /** Lines that belong to the step before. */
  show(text: string): void {
    this.write(`${text.trimEnd().replace(/^(?=.)/gm, '    ')}\n`);
  }
}
