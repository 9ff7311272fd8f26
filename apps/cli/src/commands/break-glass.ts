import type { Command } from 'commander';
import { UsageError } from '../cli-errors.js';
import { type CommandContext, handled } from '../command-context.js';
import type { Row } from '../output/printer.js';
import { noteChange } from '../resources/resource-commands.js';
import type { Terminal } from '../terminal.js';

export const BREAK_GLASS_ROUTE = 'POST /v1/system/tenants/{tenantId}/break-glass';

const COLUMNS = ['tenantSeq', 'id', 'time', 'action', 'resource.id', 'actor.id', 'state'];

/** For the operator: reads a tenant's entries, which the tenant will see. */
export function addBreakGlass(group: Command, terminal: Terminal): void {
  const command = group
    .command('break-glass <tenant-id> [entry-id...]')
    .description("for the operator: read a tenant's ledger entries, which is recorded in the tenant's own chain")
    .requiredOption('--reason <text>', 'why; the tenant reads it')
    .option('--from-seq <n>', "in place of ids: from this number in the tenant's chain on")
    .option('--limit <n>', 'with --from-seq: how many', '100');
  handled(command, terminal, breakGlass);
}

async function breakGlass(context: CommandContext, [tenantId, ...ids]: string[], options: Record<string, unknown>) {
  const { fromSeq, limit, reason } = options;
  if ((ids.length === 0) === (fromSeq === undefined)) throw new UsageError('name entries, or say --from-seq');
  const scope = { fromSeq: Number(fromSeq), limit: Number(limit) };
  const path = `/v1/system/tenants/${encodeURIComponent(tenantId!)}/break-glass`;
  await context.confirm(`read entries of ${tenantId}`);
  const body = ids.length > 0 ? { reason, entryIds: ids } : { reason, scope };
  const reply = await context.api().json<Row>({ method: 'POST', path, body, ...context.changeOptions() });
  const entries = (reply.entries ?? []) as Row[];
  if (context.printer.format === 'table') await context.printer.list(entries, COLUMNS);
  else await context.printer.item(reply);
  noteChange(context, reply);
}
