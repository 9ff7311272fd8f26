import { setTimeout as delay } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { type CommandContext, handled } from '../command-context.js';
import type { ApiClient } from '../connection/api-client.js';
import { eventsOf } from '../connection/event-stream.js';
import { ConnectionFailed, RemoteProblem } from '../migrate/client-errors.js';
import type { Row } from '../output/printer.js';
import { printable } from '../output/table.js';
import type { Terminal } from '../terminal.js';

export const FOLLOW_ROUTES = ['GET /v1/ledger/events', 'GET /v1/log/events'];

/** Between a stream that ended and the next. */
const AGAIN_MS = 500;

interface Followed {
  path: string;
  about: string;
  after: string;
  api(context: CommandContext): ApiClient;
  line(event: Row): string;
}

const ENTRIES: Followed = {
  path: '/v1/ledger/events',
  about: "follow the tenant's ledger: each entry as it is published",
  after: "begin behind this number of the tenant's chain; 0 for all",
  api: (context) => context.api(),
  line: ({ tenantSeq, time, action, resource, actor, id }) =>
    [tenantSeq, time, action, resource?.id, actor?.id, id].map((part) => printable(String(part ?? '-'))).join('  '),
};

const CHECKPOINTS: Followed = {
  path: '/v1/log/events',
  about: 'follow the log: each checkpoint as it is published',
  after: 'begin behind this size; 0 for all',
  api: (context) => context.openApi(),
  line: ({ size, root }) => `${printable(String(size))}  ${printable(String(root))}`,
};

export function addLedgerFollow(group: Command, terminal: Terminal): void {
  addFollow(group, terminal, ENTRIES);
}

export function addLogFollow(group: Command, terminal: Terminal): void {
  addFollow(group, terminal, CHECKPOINTS);
}

function addFollow(group: Command, terminal: Terminal, followed: Followed): void {
  const command = group
    .command('follow')
    .description(followed.about)
    .option('--after <number>', followed.after, wholeNumber)
    .option('--count <n>', 'end after so many', wholeNumber);
  handled(command, terminal, (context, _args, options) => follow(context, followed, options));
}

/** Takes the stream up again where it broke, until enough was seen or somebody ends it. */
async function follow(context: CommandContext, followed: Followed, options: Record<string, unknown>): Promise<void> {
  const api = followed.api(context);
  const { after, count = Number.POSITIVE_INFINITY } = options as { after?: number; count?: number };
  const query = after === undefined ? {} : { after: String(after) };
  let left = count;
  let lastEventId: string | undefined;
  while (left > 0) {
    try {
      const chunks = await api.stream({ method: 'GET', path: followed.path, query, lastEventId });
      for await (const { id, data } of eventsOf(chunks)) {
        lastEventId = id ?? lastEventId;
        if (data === null) continue;
        await show(context, followed, JSON.parse(data) as Row);
        left -= 1;
        if (left <= 0) return;
      }
    } catch (error) {
      if (!passes(error)) throw error;
      context.printer.note(`${error instanceof Error ? error.message : 'the stream broke'} Trying again.`);
    }
    await delay(AGAIN_MS);
  }
}

/** A stream that ends in the middle is a TypeError of fetch; what the API refuses for good is none of these. */
function passes(error: unknown): boolean {
  if (error instanceof RemoteProblem) return error.category === 'unavailable' || error.category === 'rate-limited';
  return error instanceof TypeError || error instanceof ConnectionFailed;
}

async function show({ printer, terminal }: CommandContext, { line }: Followed, event: Row): Promise<void> {
  if (printer.format === 'table') return terminal.out(`${line(event)}\n`);
  if (printer.format === 'json') return terminal.out(`${JSON.stringify(event)}\n`);
  terminal.out('---\n');
  await printer.document(event);
}

function wholeNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('a whole number is wanted');
}
