import pg from 'pg';
import { LogIdentity } from '#ledger';
import { fromHex, parseCheckpoint, TileTree, TreeHasher, tilePath, toHex, utf8, verifyNote } from '#merkle';
import { nodeCrypto, verifyBundle, verifyReceipt } from '#proof';
import { startTestApi, type TestApi } from '../../support/test-api.js';
import { fillLedger } from './fill-ledger.js';
import { TestWitness } from './test-witness.js';

/** The tables that a tampering may touch. */
const LEDGER_TABLES = [
  'ledger_entry',
  'ledger_leaf',
  'ledger_tile',
  'ledger_checkpoint',
  'ledger_cosignature',
  'ledger_witnessed',
  'ledger_key_rotation',
  'request_evidence',
] as const;

/** An entry in its place, as it was before anything was tampered with. */
export interface KnownEntry {
  tenant: number;
  tenantId: string;
  id: string;
  index: number;
  seq: number;
  body: Buffer;
  salt: Buffer;
  leaf: Buffer;
  /** Its signed request's commitment; null when nobody signed. */
  evidence: Buffer | null;
  /** The tenant has erased it: the database has no evidence any more. */
  evidenceErased: boolean;
  /** Body and salt are known here alone: the tenant has erased them, too. */
  erased: boolean;
}

export interface KnownTenant {
  id: string;
  apiKey: string;
  viewKey: Buffer;
  /** Base64: of the key that the tenant's first entry pins. */
  rootPublicKey: string;
  /** Its audit bundle, as it was before. */
  bundle: Uint8Array;
}

/** What an auditor says of one tenant's part of the ledger. */
export interface Verdict {
  /** Null when nothing is wrong; else who noticed what, in words. */
  wrong: string | null;
  /** The first bad entry, as far as it was named. */
  index: number | null;
  entryId: string | null;
}

/**
 * A ledger with several tenants' entries on a real PostgreSQL, behind the real API, and a superuser who may do anything to
 * its rows. Keeps a pristine copy beside it, to put back what was done.
 */
export class TamperedLedger {
  private readonly hasher = new TreeHasher(nodeCrypto.sha256);

  private constructor(
    private readonly api: TestApi,
    /** Superuser; no trigger and no foreign key stands in its way. */
    readonly admin: pg.Client,
    readonly log: LogIdentity,
    readonly tenants: KnownTenant[],
    readonly entries: KnownEntry[],
    /** The checkpoint that an auditor kept, with its witness's cosignature. */
    readonly kept: string,
    readonly witness: TestWitness,
  ) {}

  static async make(): Promise<TamperedLedger> {
    const api = await startTestApi();
    const admin = new pg.Client({ connectionString: api.database.adminUrl });
    try {
      await admin.connect();
      return await TamperedLedger.over(api, admin);
    } catch (error) {
      await admin.end();
      await api.close();
      throw error;
    }
  }

  private static async over(api: TestApi, admin: pg.Client): Promise<TamperedLedger> {
    const { tenants, entries } = await fillLedger(api, admin);
    const witness = new TestWitness();
    await witness.cosign(admin);
    await admin.query("SET session_replication_role = 'replica'; CREATE SCHEMA pristine");
    for (const table of LEDGER_TABLES) {
      await admin.query(`ALTER TABLE ${table} DISABLE TRIGGER ALL; CREATE TABLE pristine.${table} AS TABLE ${table}`);
    }
    const kept = (await api.caller(null)('GET', '/v1/log/checkpoint')).body as string;
    const ledger = new TamperedLedger(api, admin, api.app.get(LogIdentity), tenants, entries, kept, witness);
    for (const tenant of tenants) tenant.bundle = await ledger.bundleOf(tenant);
    return ledger;
  }

  get size(): number {
    return this.entries.length;
  }

  async bundleOf({ apiKey }: KnownTenant): Promise<Uint8Array> {
    const reply = await this.get('/v1/ledger/bundle', apiKey);
    if (!reply.ok) throw new Error(`no bundle: ${reply.status} ${await reply.text()}`);
    return new Uint8Array(await reply.arrayBuffer());
  }

  async receiptOf({ tenant, id }: KnownEntry): Promise<string> {
    const reply = await this.get(`/v1/ledger/entries/${id}/receipt`, this.tenants[tenant]?.apiKey);
    if (!reply.ok) throw new Error(`no receipt: ${reply.status} ${await reply.text()}`);
    return reply.text();
  }

  /** Looks at one tenant's ledger as its auditor can: with its view key, the log's key and the kept checkpoint. */
  async audit(tenant: number, about: KnownEntry | null): Promise<Verdict> {
    const bundle = await this.auditBundle(tenant);
    if (bundle.wrong) return bundle;
    const tree = await this.auditOpenLog();
    if (tree.wrong || !about) return tree;
    return this.auditReceipt(about);
  }

  /** Puts everything back as it was. */
  async restore(): Promise<void> {
    await this.admin.query('BEGIN');
    for (const table of LEDGER_TABLES) {
      await this.admin.query(`DELETE FROM ${table} t WHERE t::text NOT IN (SELECT p::text FROM pristine.${table} p)`);
      await this.admin.query(
        `INSERT INTO ${table} SELECT * FROM pristine.${table} p WHERE p::text NOT IN (SELECT t::text FROM ${table} t)`,
      );
    }
    await this.admin.query('COMMIT');
  }

  async close(): Promise<void> {
    await this.admin.end();
    await this.api.close();
  }

  private async auditBundle(tenant: number): Promise<Verdict> {
    const known = this.tenants[tenant] as KnownTenant;
    const bundle = await this.bundleOf(known).catch((error: Error) => error);
    if (bundle instanceof Error) return refusal(bundle);
    return this.verdictOnBundle(tenant, bundle);
  }

  async verdictOnBundle(tenant: number, bundle: Uint8Array): Promise<Verdict> {
    const { viewKey, rootPublicKey } = this.tenants[tenant] as KnownTenant;
    const options = { ...this.trust, viewKey, rootPublicKey, knownCheckpoints: [this.kept] };
    const report = await verifyBundle([bundle], options);
    const unsaid = report.steps.find(({ detail }) => detail.includes('no entry in this bundle says'));
    if (report.ok && unsaid) return { ...nothingWrong, wrong: `bundle, ${unsaid.step}: ${unsaid.detail}` };
    if (report.ok && report.complete && report.tenant === this.tenants[tenant]?.id) return nothingWrong;
    const { step = 'tenant', detail = 'another tenant', index = null, entryId = null } = report.firstBad ?? {};
    return { wrong: `bundle, ${step}: ${detail}`, index, entryId };
  }

  async verdictOnReceipt({ tenant, id }: KnownEntry, receipt: Uint8Array): Promise<Verdict> {
    const { viewKey, rootPublicKey } = this.tenants[tenant] as KnownTenant;
    const report = await verifyReceipt(receipt, { ...this.trust, viewKey, rootPublicKey });
    if (report.ok && JSON.parse(Buffer.from(receipt).toString()).entryId === id) return nothingWrong;
    const { step = 'entry', detail = 'another entry', index = null, entryId = null } = report.firstBad ?? {};
    return { wrong: `receipt, ${step}: ${detail}`, index, entryId };
  }

  /** What an auditor knows of the log. */
  private get trust() {
    return { crypto: nodeCrypto, log: this.log.vkey, witnesses: this.witness.policy };
  }

  /** The tree that the open log's tiles make, against the kept checkpoint; needs no account. */
  private async auditOpenLog(): Promise<Verdict> {
    const { text } = await verifyNote(this.kept, [...this.log.keys], nodeCrypto.ed25519Verify);
    const { size, root } = parseCheckpoint(text);
    const tree = new TileTree(this.hasher, size, async (tile) => {
      const reply = await this.get(`/v1/log/${tilePath(tile)}`);
      if (!reply.ok) throw new Error(`no tile: ${reply.status}`);
      return new Uint8Array(await reply.arrayBuffer());
    });
    try {
      const [found, shown] = [await tree.root(), (await (await this.get('/v1/log')).json()) as { root: string }];
      for (const hash of [found, fromHex(shown.root)]) {
        if (toHex(hash) !== toHex(root)) return { ...nothingWrong, wrong: `open log: ${toHex(hash)} is another root` };
      }
      return nothingWrong;
    } catch (error) {
      return refusal(error as Error);
    }
  }

  private async auditReceipt(about: KnownEntry): Promise<Verdict> {
    const receipt = await this.receiptOf(about).catch((error: Error) => error);
    return receipt instanceof Error ? refusal(receipt) : this.verdictOnReceipt(about, utf8(receipt));
  }

  private get(path: string, apiKey?: string): Promise<Response> {
    return fetch(this.api.url + path, { headers: apiKey ? { authorization: `Bearer ${apiKey}` } : {} });
  }
}

const nothingWrong: Verdict = { wrong: null, index: null, entryId: null };

/** A service that cannot show a proof any more has been noticed, too. */
function refusal(error: Error): Verdict {
  return { ...nothingWrong, wrong: `refused: ${error.message.slice(0, 200)}` };
}
