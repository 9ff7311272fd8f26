import { toBase64 } from '#merkle';
import { parseBody } from '#proof';
import type { CoveredEntry } from '../app/ledger-entry.queries.js';

export function ledgerEntryView({ entry, published, anchor }: CoveredEntry) {
  return {
    ...(entry.body === null ? erasedBody(entry.id) : bodyView(entry.body)),
    state: anchor ? 'anchored' : published ? 'published' : 'recorded',
    tenantSeq: entry.place?.tenantSeq ?? null,
    index: entry.place?.index ?? null,
    body: entry.body && toBase64(entry.body),
    erasedBy: entry.erasedBy,
    anchor,
  };
}

function bodyView(bytes: Uint8Array) {
  const { v: _v, tenant: _tenant, ...body } = parseBody(bytes);
  return body;
}

/** Nobody knows any more what it said. */
function erasedBody(id: string) {
  return {
    id,
    class: null,
    action: null,
    actor: null,
    keyId: null,
    resource: null,
    before: null,
    after: null,
    requestId: null,
    vouched: null,
    time: null,
  };
}
