import { Injectable } from '@nestjs/common';
import { Clock } from '#kernel';
import { toHex } from '#merkle';
import { hoursUntil, type LogStatistics, MAX_HOURS } from '../domain/log-statistics.js';
import { LogIdentity } from '../infra/log-identity.js';
import { LogStatisticsRepository } from '../infra/log-statistics.repository.js';
import { OpenLogRepository } from '../infra/open-log.repository.js';
import { OpenWitnessRepository } from '../infra/open-witness.repository.js';

/** Whoever asks within this time gets the same figures. */
const KEPT_MS = 1000;
/** Checkpoints are counted on from where the last count ended, so many at a time. */
const COUNTED_AT_ONCE = 100_000;

/** Figures of the open log for everybody. Costs the same however long the log is, and once a second however many ask. */
@Injectable()
export class LogStatisticsQuery {
  private kept: { at: number; statistics: Promise<LogStatistics> } | null = null;
  private counted = { size: 0, total: 0, byHour: new Map<number, number>() };

  constructor(
    private readonly clock: Clock,
    private readonly identity: LogIdentity,
    private readonly log: OpenLogRepository,
    private readonly figures: LogStatisticsRepository,
    private readonly witnesses: OpenWitnessRepository,
  ) {}

  /** @param hours how many hours back, the one that runs included; at most MAX_HOURS */
  async execute(hours: number): Promise<LogStatistics> {
    const now = this.clock.now();
    const { kept } = this;
    const age = now.getTime() - (kept?.at ?? 0);
    const isFresh = kept !== null && age >= 0 && age < KEPT_MS;
    const current = isFresh ? kept : { at: now.getTime(), statistics: this.read(now) };
    this.kept = current;
    try {
      const statistics = await current.statistics;
      return { ...statistics, hours: statistics.hours.slice(-hours) };
    } catch (error) {
      // What failed is asked again, and not kept.
      if (this.kept === current) this.kept = null;
      throw error;
    }
  }

  private async read(now: Date): Promise<LogStatistics> {
    const head = await this.log.newestHead();
    const starts = hoursUntil(now, MAX_HOURS);
    const sizes = [...(await this.figures.sizesAt(starts)), head?.size ?? 0];
    const isWhole = await this.count(starts[0]!.getTime());
    const { threshold, required, witnesses, witnessedSize } = await this.witnesses.overview();
    return {
      at: now,
      origin: this.identity.origin,
      vkey: this.identity.vkey,
      size: head?.size ?? 0,
      root: head ? toHex(head.root) : null,
      publishedAt: head?.publishedAt ?? null,
      checkpoints: isWhole ? this.counted.total : null,
      hours: starts.map((from, at) => ({
        from,
        entries: Math.max(0, sizes[at + 1]! - sizes[at]!),
        checkpoints: isWhole ? (this.counted.byHour.get(from.getTime()) ?? 0) : null,
        size: sizes[at + 1]!,
      })),
      anchors: await this.figures.anchors(),
      witnesses: { threshold, required, count: witnesses.length, witnessedSize },
    };
  }

  /** Counts on; says whether it came to the end. */
  private async count(since: number): Promise<boolean> {
    const { byHour } = this.counted;
    let counted = 0;
    for (const { hour, count, size } of await this.figures.countAfter(this.counted.size, COUNTED_AT_ONCE)) {
      byHour.set(hour.getTime(), (byHour.get(hour.getTime()) ?? 0) + count);
      this.counted.total += count;
      this.counted.size = size;
      counted += count;
    }
    for (const hour of byHour.keys()) if (hour < since) byHour.delete(hour);
    return counted < COUNTED_AT_ONCE;
  }
}
