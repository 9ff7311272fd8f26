import { mkdir, mkdtemp, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { UnitOfWork } from '#database';
import { newId } from '#kernel';
import { equalBytes, parseCheckpoint, parseNote, TreeAppender, TreeHasher, toHex, verifyNote } from '#merkle';
import { encodeLeaf, NO_PREVIOUS_LEAF, nodeCrypto } from '#proof';
import { createTestDatabase, type TestDatabase } from '../../../test/support/embedded-database.js';
import { AnchoredHeadSource, type LogHead } from './domain/rollback-guard.js';
import { LogIdentity } from './infra/log-identity.js';
import { contextOf, LedgerProcess } from './testing/ledger-process.js';

const hasher = new TreeHasher(nodeCrypto.sha256);
const viewKeys = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];

let folder: string;
let database: TestDatabase;
let tenants: ReturnType<typeof newId<'tenant'>>[];
const open: LedgerProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'freehold-sequencer-'));
  database = await createTestDatabase();
  tenants = [newId('tenant'), newId('tenant')];
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  await rm(folder, { recursive: true, force: true });
});

async function worker(anchored?: AnchoredHeadSource): Promise<LedgerProcess> {
  const started = await LedgerProcess.worker(database, folder, anchored);
  open.push(started);
  return started;
}

async function api(): Promise<LedgerProcess> {
  const started = await LedgerProcess.api(database, folder);
  open.push(started);
  return started;
}

/** A worker whose tenants have chains, and an api process. */
async function deployment() {
  const first = await worker();
  for (const [at, tenant] of tenants.entries()) await first.openChain(tenant, viewKeys[at]!);
  return { worker: first, api: await api() };
}

async function admin<Row extends pg.QueryResultRow>(sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: database.adminUrl });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** What no role of the service may do: rewriting, with the triggers switched off. */
const tamper = (sql: string) =>
  admin(`BEGIN; ALTER TABLE ledger_entry DISABLE TRIGGER ALL; ALTER TABLE ledger_leaf DISABLE TRIGGER ALL;
         ALTER TABLE ledger_tile DISABLE TRIGGER ALL; ALTER TABLE ledger_head DISABLE TRIGGER ALL;
         ALTER TABLE ledger_checkpoint DISABLE TRIGGER ALL; ${sql};
         ALTER TABLE ledger_entry ENABLE ALWAYS TRIGGER refuse_rewrite; ALTER TABLE ledger_leaf ENABLE ALWAYS TRIGGER refuse_rewrite;
         ALTER TABLE ledger_tile ENABLE ALWAYS TRIGGER only_grows; ALTER TABLE ledger_head ENABLE ALWAYS TRIGGER only_grows; COMMIT`);

const leaseRunsOut = () => admin("UPDATE ledger_head SET lease_until = now() - interval '1 second'");

async function newestCheckpoint(log: LogIdentity): Promise<LogHead> {
  const [row] = await admin<{ note: string }>('SELECT note FROM ledger_checkpoint ORDER BY size DESC LIMIT 1');
  const { text } = await verifyNote(
    row!.note,
    [log.keyFor(parseCheckpoint(parseNote(row!.note).text).size)],
    nodeCrypto.ed25519Verify,
  );
  const checkpoint = parseCheckpoint(text);
  expect(checkpoint.origin).toBe(log.origin);
  return checkpoint;
}

/** Rebuilds the log from bodies, salts and view keys alone, and holds it against what is stored and published. */
async function auditEverything(log: LogIdentity): Promise<void> {
  const rows = await admin<{ tenant: string; body: Buffer; salt: Buffer; leaf: Buffer; index: number; seq: number }>(
    `SELECT l.tenant_id AS tenant, e.body, e.salt, l.leaf, l.leaf_index::int AS index, l.tenant_seq::int AS seq
       FROM ledger_leaf l JOIN ledger_entry e ON e.id = l.entry_id ORDER BY l.leaf_index`,
  );
  const chains = new Map<string, { seq: number; hash: Uint8Array }>();
  const tree = TreeAppender.empty(hasher);
  for (const [at, row] of rows.entries()) {
    const chain = chains.get(row.tenant) ?? { seq: 0, hash: NO_PREVIOUS_LEAF };
    expect([row.index, row.seq]).toEqual([at, chain.seq + 1]);
    const leaf = encodeLeaf(nodeCrypto, {
      origin: log.origin,
      viewKey: viewKeys[tenants.indexOf(row.tenant as never)]!,
      salt: row.salt,
      body: row.body,
      tenantSeq: row.seq,
      prevHash: chain.hash,
    });
    expect(equalBytes(leaf, row.leaf)).toBe(true);
    tree.append([hasher.leaf(leaf)]);
    chains.set(row.tenant, { seq: row.seq, hash: hasher.leaf(leaf) });
  }
  const checkpoint = await newestCheckpoint(log);
  expect([checkpoint.size, toHex(checkpoint.root)]).toEqual([rows.length, toHex(tree.root())]);
  expect(await admin('SELECT 1 FROM ledger_pending')).toEqual([]);
}

describe('the sequencer', () => {
  it('takes every committed entry in once, in its tenant order, and publishes what can be rebuilt', async () => {
    const { worker, api } = await deployment();
    const order: string[] = [];
    for (let round = 0; round < 5; round++) {
      order.push(...(await api.change(tenants[0]!, 70)));
      await Promise.all([api.change(tenants[1]!, 40), api.change(tenants[1]!, 40)]);
      await worker.sequencer.tick();
    }
    await auditEverything(worker.module.get(LogIdentity));
    const sequenced = await admin<{ entry_id: string }>(
      `SELECT entry_id FROM ledger_leaf WHERE tenant_id = '${tenants[0]}' AND tenant_seq > 1 ORDER BY tenant_seq`,
    );
    expect(sequenced.map((row) => row.entry_id)).toEqual(order);
    expect(await worker.sequencer.tick()).toBe(0);
    expect(worker.sequencer.status()).toEqual({ state: 'leading' });
    await worker.sequencer.check();
  });

  it('takes in long bodies a few at a time, and more entries than go into one transaction', async () => {
    const { worker, api } = await deployment();
    await worker.sequencer.tick();
    const long = { class: 'configuration' as const, action: 'subnet.created', before: null };
    await api.module.get(UnitOfWork).run(contextOf(tenants[0]!), async (tx) => {
      for (let at = 0; at < 20; at++) {
        const resource = { type: 'subnet', id: newId('subnet'), version: 1 };
        api.writer.append(tx, { ...long, resource, after: { text: 'x'.repeat(900_000 + at) } });
      }
    });
    for (let at = 0; at < 9; at++) await api.change(tenants[at % 2]!, 1000);
    let taken = 0;
    for (let count = 1; count > 0; taken += count) {
      count = await worker.sequencer.tick();
      expect(count).toBeLessThanOrEqual(8000);
    }
    expect(taken).toBe(9020);
    await auditEverything(worker.module.get(LogIdentity));
  }, 60_000);

  it('runs by itself, goes on after a restart, and lets one of several processes write', async () => {
    const { worker: first, api } = await deployment();
    const second = await worker();
    await Promise.all([first.module.init(), second.module.init()]);
    const changing = Array.from({ length: 20 }, (_, at) => api.change(tenants[at % 2]!, 7));
    await Promise.all(changing);
    await waitFor(async () => (await admin('SELECT 1 FROM ledger_pending')).length === 0);
    const leader = first.sequencer.status().state === 'leading' ? first : second;
    const other = leader === first ? second : first;
    expect([leader.sequencer.status().state, other.sequencer.status().state]).toEqual(['leading', 'standby']);
    await leader.close();
    open.splice(open.indexOf(leader), 1);
    // It let go of the log when it was closed: nobody has to wait for its lease.
    await waitFor(async () => other.sequencer.status().state === 'leading', 2_000);
    await api.change(tenants[0]!, 3);
    const log = other.module.get(LogIdentity);
    await waitFor(async () => (await newestCheckpoint(log)).size === 2 + 140 + 3);
    expect(other.sequencer.status()).toEqual({ state: 'leading' });
    await auditEverything(log);
  });

  it('refuses the late write of a holder that was taken for dead', async () => {
    const { worker: first, api } = await deployment();
    await first.sequencer.tick();
    await leaseRunsOut();
    const second = await worker();
    await api.change(tenants[0]!);
    expect(await second.sequencer.tick()).toBe(1);
    await api.change(tenants[0]!);
    expect(await first.sequencer.tick()).toBe(0);
    expect(first.sequencer.status()).toEqual({ state: 'standby' });
    expect(await second.sequencer.tick()).toBe(1);
    await auditEverything(second.module.get(LogIdentity));
  });

  it('publishes at the next start what was committed and not published', async () => {
    const { worker: first, api } = await deployment();
    await first.sequencer.tick();
    await api.change(tenants[0]!, 5);
    // A folder where the head file should be: the batch commits, and publishing it fails.
    await rename(join(folder, 'ledger-head.json'), join(folder, 'kept'));
    await mkdir(join(folder, 'ledger-head.json'));
    await expect(first.sequencer.tick()).rejects.toThrow(/EISDIR/);
    expect((await newestCheckpoint(first.module.get(LogIdentity))).size).toBe(2);
    await rmdir(join(folder, 'ledger-head.json'));
    await rename(join(folder, 'kept'), join(folder, 'ledger-head.json'));
    expect(await first.sequencer.tick()).toBe(0);
    await auditEverything(first.module.get(LogIdentity));
  });
});

describe('the rollback guard', () => {
  /** A deployment with 12 entries published, and a copy of its tables at 7. */
  async function restoredFromOlderCopy() {
    const { worker: first, api } = await deployment();
    await api.change(tenants[0]!, 5);
    await first.sequencer.tick();
    const older = database;
    const copy = `${older.name}_copy`;
    const maintenance = new pg.Client({ connectionString: older.adminUrl.replace(`/${older.name}`, '/postgres') });
    await first.close();
    await api.close();
    open.splice(0);
    await maintenance.connect();
    await maintenance.query(`CREATE DATABASE ${copy} TEMPLATE ${older.name}`);
    await maintenance.end();
    const again = { worker: await worker(), api: await LedgerProcess.api(database, folder) };
    open.push(again.api);
    await leaseRunsOut();
    await again.api.change(tenants[0]!, 5);
    await again.worker.sequencer.tick();
    const anchored = await newestCheckpoint(again.worker.module.get(LogIdentity));
    const rename = (url: string) => url.replace(`/${older.name}`, `/${copy}`);
    const urls = Object.fromEntries(Object.entries(older.urls).map(([role, url]) => [role, rename(url)]));
    database = { name: copy, urls: urls as TestDatabase['urls'], adminUrl: rename(older.adminUrl) };
    await leaseRunsOut();
    return { anchored };
  }

  const signed = () => admin('SELECT size FROM ledger_checkpoint ORDER BY size');

  it('notices a restored older copy by the head file and signs nothing', async () => {
    await restoredFromOlderCopy();
    const restored = await worker();
    await (await api()).change(tenants[0]!, 9);
    await expect(restored.sequencer.tick()).rejects.toThrow(/12 entries, but the database has 7: it was restored/);
    expect(restored.sequencer.status()).toMatchObject({
      state: 'halted',
      reason: expect.stringContaining('signs nothing'),
    });
    expect(await restored.sequencer.tick()).toBe(0);
    await expect(restored.sequencer.check()).rejects.toMatchObject({ code: 'LogRolledBack' });
    expect(await signed()).toHaveLength(1);
  });

  it('notices it by the anchored head when the head file went with it', async () => {
    const { anchored } = await restoredFromOlderCopy();
    await rm(join(folder, 'ledger-head.json'));
    const chain = new (class extends AnchoredHeadSource {
      anchoredHead = async () => anchored;
    })();
    const restored = await worker(chain);
    await expect(restored.sequencer.tick()).rejects.toThrow(/the anchored head has 12 entries/);
    expect(await signed()).toHaveLength(1);
  });

  it('refuses to go on blindly without the head file and without an anchor', async () => {
    const { worker: first } = await deployment();
    await first.sequencer.tick();
    await rm(join(folder, 'ledger-head.json'));
    await leaseRunsOut();
    await expect((await worker()).sequencer.tick()).rejects.toThrow(/is missing and nothing is anchored/);
  });

  it('goes on without the head file when the chain vouches, and writes it anew', async () => {
    const { worker: first, api } = await deployment();
    await first.sequencer.tick();
    const anchored = await newestCheckpoint(first.module.get(LogIdentity));
    await rm(join(folder, 'ledger-head.json'));
    await leaseRunsOut();
    const chain = new (class extends AnchoredHeadSource {
      anchoredHead = async () => anchored;
    })();
    const next = await worker(chain);
    await api.change(tenants[0]!);
    expect(await next.sequencer.tick()).toBe(1);
    expect(JSON.parse(await readFile(join(folder, 'ledger-head.json'), 'utf8'))).toMatchObject({ v: 1, epoch: 2 });
  });

  it('is not stopped by a chain that cannot be asked', async () => {
    const { worker: first, api } = await deployment();
    await first.sequencer.tick();
    await leaseRunsOut();
    const down = new (class extends AnchoredHeadSource {
      anchoredHead = async (): Promise<null> => {
        throw new Error('connection refused');
      };
    })();
    await api.change(tenants[0]!);
    expect(await (await worker(down)).sequencer.tick()).toBe(1);
  });

  it('notices a head file that was changed, or is that of another log', async () => {
    const { worker: first } = await deployment();
    await first.sequencer.tick();
    const path = join(folder, 'ledger-head.json');
    const content = await readFile(path, 'utf8');
    for (const changed of [content.replace('\\n2\\n', '\\n3\\n'), '{', content.replaceAll('freehold/', 'freehald/')]) {
      await writeFile(path, changed);
      await leaseRunsOut();
      await expect((await worker()).sequencer.tick()).rejects.toThrow(/holds no head of the log/);
    }
  });

  it('notices a database that was put back under a running worker', async () => {
    const { worker: first, api } = await deployment();
    await first.sequencer.tick();
    await api.change(tenants[0]!);
    await tamper("UPDATE ledger_head SET size = 1, root = sha256('x')");
    await expect(first.sequencer.tick()).rejects.toThrow(/put back under a running service/);
    expect(first.sequencer.status().state).toBe('halted');
  });
});

describe('storage that gives back something else than it was given', () => {
  it.each([
    [
      'a leaf',
      'ledger_leaf',
      'NEW.leaf := set_byte(NEW.leaf, 30, get_byte(NEW.leaf, 30) # 1)',
      /\(index 2\) was stored other/,
    ],
    ['a place', 'ledger_leaf', 'NEW.tenant_seq := NEW.tenant_seq + 7', /\(index 2\) was stored other/],
    [
      'a tile',
      'ledger_tile',
      'NEW.hashes := set_byte(NEW.hashes, 70, get_byte(NEW.hashes, 70) # 1)',
      /tile 0\/0 was stored other/,
    ],
  ])('is noticed before anything is committed or signed: %s', async (_what, table, flip, message) => {
    const { worker: first, api } = await deployment();
    await first.sequencer.tick();
    await api.change(tenants[0]!, 3);
    await admin(`CREATE FUNCTION flip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${flip}; RETURN NEW; END $$;
                 CREATE TRIGGER flip BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION flip()`);
    await expect(first.sequencer.tick()).rejects.toThrow(message);
    expect(first.sequencer.status().state).toBe('halted');
    expect(await admin('SELECT size::int FROM ledger_head')).toEqual([{ size: 2 }]);
    await admin(`DROP TRIGGER flip ON ${table}`);
    await leaseRunsOut();
    const next = await worker();
    expect(await next.sequencer.tick()).toBe(3);
    await auditEverything(next.module.get(LogIdentity));
  });
});

describe('tampering with the tables', () => {
  it('before an entry is sequenced names the entry and signs nothing', async () => {
    const { worker: first, api } = await deployment();
    await first.sequencer.tick();
    const [, id] = await api.change(tenants[0]!, 3);
    await tamper(
      `UPDATE ledger_entry SET body = replace(encode(body, 'escape'), 'subnet 1', 'subnet 9')::bytea WHERE id = '${id}'`,
    );
    await expect(first.sequencer.tick()).rejects.toThrow(`the stored body of ${id} is not the one that was promised`);
    expect((await newestCheckpoint(first.module.get(LogIdentity))).size).toBe(2);
  });

  it('with a tile stops the next start', async () => {
    const { worker: first, api } = await deployment();
    await api.change(tenants[0]!, 3);
    await first.sequencer.tick();
    await tamper('UPDATE ledger_tile SET hashes = set_byte(hashes, 3, get_byte(hashes, 3) # 1)');
    await leaseRunsOut();
    await expect((await worker()).sequencer.tick()).rejects.toThrow(/tiles do not hash to the stored head/);
  });
});

async function waitFor(condition: () => Promise<boolean>, withinMs = 20_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`the condition did not come true within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
