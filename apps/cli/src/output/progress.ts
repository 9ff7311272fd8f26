import type { Terminal } from '../terminal.js';
import { formatBytes, formatSeconds } from './amounts.js';

const REDRAW_MS = 100;
/** Between the lines that a log gets. */
const LINE_MS = 5_000;
const BAR_WIDTH = 24;

/** How far something is, for whoever watches: a bar on a screen, a line now and then in a log. */
export class ProgressBar {
  private readonly begin = performance.now();
  private shownAt = Number.NEGATIVE_INFINITY;
  private phase = '';
  private drawn = false;

  constructor(private readonly terminal: Terminal) {}

  /** @param total of bytes, or 0 while it is not known */
  show(phase: string, bytes: number, total: number, detail: string): void {
    const now = performance.now();
    const isNew = phase !== this.phase;
    if (!isNew && now - this.shownAt < (this.terminal.errIsTty ? REDRAW_MS : LINE_MS)) return;
    this.phase = phase;
    this.shownAt = now;
    const amount = total > 0 ? `${formatBytes(bytes)} of ${formatBytes(total)}` : formatBytes(bytes);
    const seconds = (now - this.begin) / 1000;
    if (!this.terminal.errIsTty) {
      this.terminal.err(`${phase}: ${amount}${detail && `, ${detail}`}\n`);
      return;
    }
    const share = total > 0 ? Math.min(1, bytes / total) : 0;
    const filled = Math.round(share * BAR_WIDTH);
    const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
    this.terminal.err(
      `\r\u001b[2K${phase.padEnd(9)} ${bar} ${amount}, ${formatSeconds(seconds)}${detail && `, ${detail}`}`,
    );
    this.drawn = true;
  }

  /** Takes the bar away, so that what follows stands on a line of its own. */
  clear(): void {
    if (this.drawn) this.terminal.err('\r\u001b[2K');
    this.drawn = false;
  }
}
