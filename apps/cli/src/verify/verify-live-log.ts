import { parseCheckpoint, parseNote } from '#merkle';
import { type LogReport, verifyLog } from '#proof';
import type { CommandContext } from '../command-context.js';
import { HttpLog } from './http-log.js';
import { knownLog, type LogOptions } from './known-log.js';
import { TrustStore } from './trust-store.js';

/**
 * Verifies a log that answers, against what is known of it, and keeps its head when it is pinned.
 * @throws UsageError, ConnectionFailed
 */
export async function verifyLiveLog(
  { terminal }: CommandContext,
  url: string,
  options: LogOptions & { full?: boolean },
): Promise<LogReport> {
  const source = await new HttpLog(url).open();
  const store = new TrustStore(terminal.env);
  const { trust, pinnedLog } = await knownLog(options, store, originOf(source.checkpoint));
  const report = await verifyLog(source, { ...trust, full: options.full });
  const { head } = report;
  if (report.ok && head && pinnedLog) {
    const proven = pinnedLog.seen.filter(({ note }) => report.continues.includes(note));
    store.remember(head.origin, { size: head.size, note: head.note }, proven);
  }
  return report;
}

function originOf(note: string): string | null {
  try {
    return parseCheckpoint(parseNote(note).text).origin;
  } catch {
    return null;
  }
}
