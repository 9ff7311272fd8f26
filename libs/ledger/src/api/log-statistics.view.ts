import type { LogStatistics } from '../domain/log-statistics.js';

export function logStatisticsView({ at, publishedAt, hours, anchors, witnesses, size, ...log }: LogStatistics) {
  const { newest } = anchors;
  return {
    at: at.toISOString(),
    ...log,
    size,
    publishedAt: publishedAt?.toISOString() ?? null,
    ageSeconds: publishedAt && Math.max(0, (at.getTime() - publishedAt.getTime()) / 1000),
    hours: hours.map((hour) => ({ ...hour, from: hour.from.toISOString() })),
    anchors: {
      unsettled: anchors.unsettled,
      behind: size - Math.min(size, newest?.size ?? 0),
      newest: newest && { ...newest, finalAt: newest.finalAt.toISOString() },
    },
    witnesses: { ...witnesses, behind: size - Math.min(size, witnesses.witnessedSize) },
  };
}
