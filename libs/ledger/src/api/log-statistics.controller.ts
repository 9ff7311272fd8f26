import { Controller } from '@nestjs/common';
import { Endpoint, QueryInput } from '#http';
import { LogStatisticsQuery } from '../app/log-statistics.query.js';
import { logStatisticsQuery, logStatisticsSchema } from './log-statistics.schemas.js';
import { logStatisticsView } from './log-statistics.view.js';

/** How the open log grows: from its checkpoints alone, so that nothing shows whose entries they are. */
@Controller('v1/log/statistics')
export class LogStatisticsController {
  constructor(private readonly statistics: LogStatisticsQuery) {}

  @Endpoint({
    method: 'GET',
    summary: 'Figures of the log: its growth by the hour, its anchors and witnesses',
    description:
      'For people: /log. Read at most once a second, and from checkpoints alone: they say nothing of any tenant.',
    permission: 'public',
    query: logStatisticsQuery,
    reply: logStatisticsSchema,
    view: logStatisticsView,
  })
  read(@QueryInput() { hours }: { hours: number }) {
    return this.statistics.execute(hours);
  }
}
