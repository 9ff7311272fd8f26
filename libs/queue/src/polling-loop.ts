/** What a round says of the next one: how long to wait before it, in milliseconds. */
export type Round = (signal: AbortSignal) => Promise<number>;

/**
 * Runs a round, waits as long as it asked for, and again until it is stopped. Rounds never overlap. A round that fails is
 * reported and tried again after a growing pause.
 */
export class PollingLoop {
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private wakeUp: (() => void) | undefined;

  constructor(
    private readonly round: Round,
    private readonly onError: (error: unknown) => void,
    private readonly pause: { firstMs: number; longestMs: number } = { firstMs: 200, longestMs: 10_000 },
  ) {}

  start(): void {
    this.running ??= this.run();
  }

  /** Resolves when the round under way has ended; its signal is aborted. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.wakeUp?.();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    for (let failures = 0; !signal.aborted; ) {
      let delayMs: number;
      try {
        delayMs = await this.round(signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.onError(error);
        delayMs = Math.min(this.pause.firstMs * 2 ** failures, this.pause.longestMs);
        failures += 1;
      }
      if (!signal.aborted && delayMs > 0) await this.sleep(delayMs);
    }
  }

  private sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      function done(): void {
        clearTimeout(timer);
        resolve();
      }
      this.wakeUp = done;
    });
  }
}
