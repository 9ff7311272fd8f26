import { toBase64 } from '#merkle';
import { parseBody } from '#proof';
import type { CoveredEntry } from '../app/ledger-entry.queries.js';

export function ledgerEntryView({ entry, published, anchor }: CoveredEntry) {
  const { id, actor, action, keyId, resource, before, after, requestId, time, vouched, ...body } = parseBody(
    entry.body,
  );
  return {
    id,
    state: anchor ? 'anchored' : published ? 'published' : 'recorded',
    class: body.class,
    action,
    actor,
    keyId,
    resource,
    before,
    after,
    requestId,
    vouched,
    time,
    tenantSeq: entry.place?.tenantSeq ?? null,
    index: entry.place?.index ?? null,
    body: toBase64(entry.body),
    anchor,
  };
}
