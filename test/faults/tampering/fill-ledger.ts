import type pg from 'pg';
import type { TenantId } from '#kernel';
import { parseBody } from '#proof';
import { LedgerProcess } from '../../../libs/ledger/src/testing/ledger-process.js';
import { RequestSigner } from '../../support/request-signer.js';
import type { Caller, TestApi } from '../../support/test-api.js';
import type { KnownEntry, KnownTenant } from './tampered-ledger.js';

const TENANTS = 3;
/** More than one tile, so that the tree has a second level. */
const ENTRIES_A_TURN = 12;
const TURNS = 10;
const SIGNED_CHANGES = 4;

/**
 * Several tenants' entries: changes that nobody signed, changes that their owner signed, one whose evidence and one whose body
 * was erased. All of it is in the log and published when this returns, and what was erased is still known here.
 */
export async function fillLedger(
  api: TestApi,
  admin: pg.Client,
): Promise<{ tenants: KnownTenant[]; entries: KnownEntry[] }> {
  const { dataDir } = api.settings;
  const [worker, writer] = [
    await LedgerProcess.worker(api.database, dataDir),
    await LedgerProcess.api(api.database, dataDir),
  ];
  try {
    const tenants: KnownTenant[] = [];
    const signed: Caller[] = [];
    for (let at = 0; at < TENANTS; at += 1) {
      const { id, apiKey, viewKey, rootKey, call } = await api.tenant();
      const signer = new RequestSigner();
      await signer.enrol(call, rootKey);
      signed.push(signer.caller(api.url, call));
      tenants.push({ id, apiKey, viewKey, rootPublicKey: rootKey.publicKey, bundle: new Uint8Array(0) });
    }
    for (let turn = 0; turn < TURNS; turn += 1) {
      for (const [at, { id }] of tenants.entries()) {
        await writer.change(id as TenantId, ENTRIES_A_TURN);
        if (turn < SIGNED_CHANGES) await changed(signed[at] as Caller, 'POST', '/v1/vpcs', vpc(turn));
      }
      await worker.sequencer.tick();
    }
    const before = await readEntries(admin, tenants);
    const [erased, withoutEvidence] = [new Set<string>(), new Set<string>()];
    for (const [at, call] of signed.entries()) {
      const own = before.filter(({ tenant, evidence }) => tenant === at && evidence !== null);
      await changed(call, 'POST', `/v1/ledger/entries/${own[0]?.id}/erasures`, {
        scope: 'evidence',
        reason: 'asked for by a test',
      });
      withoutEvidence.add(own[0]?.id as string);
      await changed(call, 'POST', `/v1/ledger/entries/${own[1]?.id}/erasures`, {
        scope: 'body',
        reason: 'asked for by a test',
      });
      erased.add(own[1]?.id as string);
    }
    while ((await worker.sequencer.tick()) > 0);
    const known = new Map(before.map((entry) => [entry.id, entry]));
    const entries = (await readEntries(admin, tenants)).map((entry) => {
      if (erased.has(entry.id)) return { ...(known.get(entry.id) as KnownEntry), erased: true };
      return { ...entry, evidenceErased: withoutEvidence.has(entry.id) };
    });
    return { tenants, entries };
  } finally {
    await worker.close();
    await writer.close();
  }
}

const vpc = (turn: number) => ({ cidrBlock: `10.${turn}.0.0/16`, name: `signed ${turn}` });

async function changed(call: Caller, method: string, path: string, body: unknown): Promise<void> {
  const reply = await call(method, path, body);
  if (reply.status >= 300) throw new Error(`${method} ${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
}

async function readEntries(admin: pg.Client, tenants: readonly KnownTenant[]): Promise<KnownEntry[]> {
  const { rows } = await admin.query(
    `SELECT l.tenant_id AS "tenantId", e.id, l.leaf_index::int AS index, l.tenant_seq::int AS seq, e.body, e.salt, l.leaf
       FROM ledger_leaf l JOIN ledger_entry e ON (e.tenant_id, e.id) = (l.tenant_id, l.entry_id) ORDER BY l.leaf_index`,
  );
  return rows.map((row) => ({
    ...row,
    tenant: tenants.findIndex(({ id }) => id === row.tenantId),
    evidence: row.body && commitmentIn(row.body),
    evidenceErased: false,
    erased: false,
  }));
}

function commitmentIn(body: Buffer): Buffer | null {
  const { vouched } = parseBody(body);
  return vouched.mode === 'signed' ? Buffer.from(vouched.evidence, 'hex') : null;
}
