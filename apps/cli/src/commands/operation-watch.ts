import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { type CommandContext, handled } from '../command-context.js';
import type { ApiClient } from '../connection/api-client.js';
import { eventsOf } from '../connection/event-stream.js';
import { ConnectionFailed } from '../migrate/client-errors.js';
import { paintState } from '../output/paint.js';
import { printable } from '../output/table.js';
import type { Terminal } from '../terminal.js';

export const OPERATION_WATCH_ROUTE = 'GET /v1/operations/{operationId}/events';

interface OperationReply {
  id: string;
  kind: string;
  state: 'running' | 'succeeded' | 'failed' | 'cancelled';
  progress: { done: number; total: number | null; unit: string };
  error: { code: string; detail: string } | null;
}

/** Between a stream that broke and the next. */
const AGAIN_MS = 500;

export function addOperationWatch(group: Command, terminal: Terminal): void {
  const command = group
    .command('watch <operation-id>')
    .description('follow an operation until it ends; fails when it failed');
  handled(command, terminal, watch);
}

async function watch(context: CommandContext, [id]: string[]): Promise<void> {
  const operation = await follow(context.api(), id!, (now) => show(context, now));
  if (operation.state === 'succeeded') return;
  const { error } = operation;
  throw new Error(`${operation.id} ${operation.state}${error ? `: ${error.detail} (${error.code})` : ''}`);
}

function show({ printer, terminal }: CommandContext, operation: OperationReply): void {
  if (printer.format !== 'table') {
    terminal.out(`${JSON.stringify(operation)}\n`);
    return;
  }
  const { done, total, unit } = operation.progress;
  const progress = `${done}${total === null ? '' : ` of ${total}`} ${printable(unit)}`;
  terminal.out(`${paintState(printer.paint, operation.state)}  ${printable(operation.kind)}  ${progress}\n`);
}

/** Reads the stream of events to the operation's end, and takes it up again where it broke. */
async function follow(api: ApiClient, id: string, seen: (now: OperationReply) => void): Promise<OperationReply> {
  const path = `/v1/operations/${encodeURIComponent(id)}`;
  let lastEventId: string | undefined;
  for (;;) {
    try {
      const chunks = await api.stream({ method: 'GET', path: `${path}/events`, lastEventId });
      for await (const { id, data } of eventsOf(chunks)) {
        lastEventId = id ?? lastEventId;
        if (data === null) continue;
        const operation = JSON.parse(data) as OperationReply;
        seen(operation);
        if (operation.state !== 'running') return operation;
      }
    } catch (error) {
      // A stream that ends in the middle is a TypeError of fetch; what the API refuses is not.
      if (!(error instanceof TypeError || error instanceof ConnectionFailed)) throw error;
    }
    const now = await api.json<OperationReply>({ method: 'GET', path });
    if (now.state !== 'running') {
      seen(now);
      return now;
    }
    await delay(AGAIN_MS);
  }
}
