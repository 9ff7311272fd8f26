import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Test, type TestingModule } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import pg from 'pg';
import { ConflictError, newId, type OpContext, type StoredReply, type TenantId } from '#kernel';
import { createTestDatabase, type TestDatabase } from '../../../test/support/embedded-database.js';
import { DatabaseModule, Outbox, ReplayedReply, SystemUnitOfWork, type Tx, UnitOfWork } from './index.js';

let database: TestDatabase;
let admin: pg.Client;
let api: TestingModule;
let system: TestingModule;
let uow: UnitOfWork;
const tenantId = newId('tenant') as TenantId;
const otherTenantId = newId('tenant') as TenantId;

beforeAll(async () => {
  database = await createTestDatabase();
  const start = (role: 'api' | 'system') =>
    Test.createTestingModule({
      imports: [
        DatabaseModule.forRoot({
          url: database.urls[`freehold_${role}`],
          role,
          applicationName: `uow-${role}`,
          poolSize: 8,
        }),
        TypeOrmModule.forFeature([]),
      ],
    }).compile();
  [api, system] = [await start('api'), await start('system')];
  uow = api.get(UnitOfWork);
  admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  for (const id of [tenantId, otherTenantId]) {
    await admin.query('INSERT INTO tenant (id, name, name_folded) VALUES ($1, $1, $1)', [id]);
  }
});
afterAll(async () => {
  await api?.close();
  await system?.close();
  await admin?.end();
});

function context(extra: Partial<OpContext> = {}): OpContext {
  return {
    actor: { type: 'user', id: newId('user'), keyId: null, roles: [] },
    tenantId,
    requestId: newId('request'),
    permissions: new Set(),
    ...extra,
  };
}

/** A context whose reply is the result itself, as a request's is. */
function replying(key: string, hash = 'a'): OpContext {
  return context({
    idempotency: { scope: 'POST /v1/tags', key, requestHash: Buffer.alloc(32, hash) },
    reply: { stored: null, render: (result): StoredReply => ({ status: 201, etag: '"1"', body: result }) },
  });
}

const addTag = (tx: Parameters<Parameters<UnitOfWork['run']>[1]>[0], key: string, owner = tenantId) =>
  tx.execute('INSERT INTO resource_tag (tenant_id, resource_id, key, value) VALUES ($1, $2, $3, $4)', [
    owner,
    'vpc-x',
    key,
    '',
  ]);

async function tagExists(key: string): Promise<boolean> {
  return (await admin.query('SELECT 1 FROM resource_tag WHERE key = $1', [key])).rowCount === 1;
}

describe('a unit of work', () => {
  it('commits as a whole, with what was deferred', async () => {
    const outbox = api.get(Outbox);
    await uow.run(context(), async (tx) => {
      await addTag(tx, 'whole');
      outbox.add(tx, { topic: 'vpc', key: 'vpc-1' });
      outbox.add(tx, { topic: 'vpc', key: 'vpc-1' });
    });
    expect(await tagExists('whole')).toBe(true);
    expect((await admin.query("SELECT tenant_id FROM outbox WHERE key = 'vpc-1'")).rows).toEqual([
      { tenant_id: tenantId },
    ]);
  });

  it('keeps nothing when the work fails, nor when a deferred statement does', async () => {
    await expect(
      uow.run(context(), async (tx) => {
        await addTag(tx, 'failed-work');
        throw new ConflictError('Test', 'no');
      }),
    ).rejects.toThrow('no');
    await expect(
      uow.run(context(), async (tx) => {
        await addTag(tx, 'failed-flush');
        tx.beforeCommit('late', () => [{ sql: 'SELECT 1/0' }]);
      }),
    ).rejects.toThrow('division by zero');
    expect(await tagExists('failed-work')).toBe(false);
    expect(await tagExists('failed-flush')).toBe(false);
  });

  it("sees and touches the context's tenant alone", async () => {
    await admin.query("INSERT INTO resource_tag VALUES ($1, 'vpc-y', 'secret', '')", [otherTenantId]);
    const seen = await uow.run(context(), (tx) => tx.query("SELECT * FROM resource_tag WHERE key = 'secret'"));
    expect(seen).toEqual([]);
    const stolen = uow.run(context(), (tx) => addTag(tx, 'stolen', otherTenantId));
    await expect(stolen).rejects.toThrow('row-level security');
    const changed = await uow.run(context(), (tx) =>
      tx.execute("UPDATE resource_tag SET value = 'x' WHERE key = 'secret'"),
    );
    expect(changed).toBe(0);
  });

  it('lets an operator act for the one tenant it names, and comes back', async () => {
    const seen = await uow.run(context(), async (tx) => {
      const there = await tx.asTenant(otherTenantId, () => tx.query("SELECT 1 FROM resource_tag WHERE key = 'secret'"));
      const back = await tx.query("SELECT 1 FROM resource_tag WHERE key = 'secret'");
      return [there.length, back.length];
    });
    expect(seen).toEqual([1, 0]);
  });

  it('leaves no tenant behind on the connection', async () => {
    await uow.run(context(), async () => undefined);
    const rows = await api
      .get(UnitOfWork)
      .run(context({ tenantId: otherTenantId }), (tx) => tx.query('SELECT app_tenant() AS t'));
    expect(rows).toEqual([{ t: otherTenantId }]);
    const client = new pg.Client({ connectionString: database.urls.freehold_api });
    await client.connect();
    expect((await client.query('SELECT * FROM resource_tag')).rows).toEqual([]);
    await client.end();
  });

  it('a read cannot write', async () => {
    await expect(uow.read(context(), (tx) => addTag(tx, 'read'))).rejects.toThrow('read-only transaction');
  });

  it('a dry run answers and keeps nothing', async () => {
    const ctx = { ...replying('dry'), dryRun: true };
    const result = await uow.run(ctx, async (tx) => {
      await addTag(tx, 'dry');
      return { ok: true };
    });
    expect(result).toEqual({ ok: true });
    expect(ctx.reply?.stored).toMatchObject({ body: { ok: true } });
    expect(await tagExists('dry')).toBe(false);
  });
});

describe('the same request again', () => {
  it('gets the first reply, and another request under the key is refused', async () => {
    await uow.run(replying('k1'), async (tx) => {
      await addTag(tx, 'k1');
      return { n: 1 };
    });
    const again = uow.run(replying('k1'), async () => ({ n: 2 }));
    await expect(again).rejects.toBeInstanceOf(ReplayedReply);
    await expect(again).rejects.toMatchObject({ reply: { status: 201, etag: '"1"', body: { n: 1 } } });
    await expect(uow.run(replying('k1', 'b'), async () => ({}))).rejects.toMatchObject({
      code: 'IdempotencyKeyReused',
    });
  });

  it('is refused while the first is in flight, instead of waiting for it', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let started = () => {};
    const running = new Promise<void>((resolve) => {
      started = resolve;
    });
    const first = uow.run(replying('k2'), async () => {
      started();
      await held;
      return {};
    });
    await running;
    await expect(uow.run(replying('k2'), async () => ({}))).rejects.toMatchObject({ code: 'IdempotencyKeyInUse' });
    release();
    await first;
    await expect(uow.run(replying('k2'), async () => ({}))).rejects.toBeInstanceOf(ReplayedReply);
  });

  it('stores nothing when it failed', async () => {
    await expect(uow.run(replying('k3'), async () => Promise.reject(new ConflictError('Test', 'no')))).rejects.toThrow(
      'no',
    );
    await expect(uow.run(replying('k3'), async () => ({ second: true }))).resolves.toEqual({ second: true });
  });
});

describe('when PostgreSQL asks for it again', () => {
  it('two transactions that lock in opposite order both succeed', async () => {
    const workers = system.get(SystemUnitOfWork);
    await admin.query("INSERT INTO tenant_quota VALUES ($1, 'a', 0), ($1, 'b', 0)", [tenantId]);
    const lock = (quota: string) => `UPDATE tenant_quota SET allowed = allowed + 1 WHERE quota = '${quota}'`;
    let waiting = 0;
    const crossing = (first: string, second: string) =>
      workers.run(async (tx) => {
        await tx.execute(lock(first));
        waiting += 1;
        for (const deadline = Date.now() + 2000; waiting < 2 && Date.now() < deadline; ) await delay(1);
        await tx.execute(lock(second));
      });
    await Promise.all([crossing('a', 'b'), crossing('b', 'a')]);
    expect((await admin.query('SELECT allowed FROM tenant_quota ORDER BY quota')).rows).toEqual([
      { allowed: 2 },
      { allowed: 2 },
    ]);
  });

  it('a connection that dies before the commit is replaced', async () => {
    let attempts = 0;
    await uow.run(context(), async (tx) => {
      attempts += 1;
      const [row] = await tx.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      if (attempts === 1) await admin.query('SELECT pg_terminate_backend($1)', [row?.pid]);
      await addTag(tx, 'replaced');
    });
    expect(attempts).toBeGreaterThan(1);
    expect(await tagExists('replaced')).toBe(true);
  });

  it('a server that stays away is 503, not a crash', async () => {
    const target = new URL(database.urls.freehold_api);
    const realPort = Number(target.port);
    const sockets = new Set<Socket>();
    const proxy = createServer((client) => {
      const server = connect(realPort, target.hostname);
      for (const socket of [client, server]) sockets.add(socket.on('error', () => undefined));
      client.pipe(server).pipe(client);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    target.port = String((proxy.address() as AddressInfo).port);
    const away = await Test.createTestingModule({
      imports: [DatabaseModule.forRoot({ url: target.toString(), role: 'api', applicationName: 'away', poolSize: 2 })],
    }).compile();
    await expect(away.get(UnitOfWork).read(context(), (tx) => tx.query('SELECT 1'))).resolves.toHaveLength(1);
    proxy.close();
    for (const socket of sockets) socket.destroy();
    const lost = away.get(UnitOfWork).run(context(), (tx) => tx.query('SELECT 1'));
    await expect(lost).rejects.toMatchObject({ category: 'unavailable', code: 'DatabaseUnavailable' });
    await away.close();
  });
});

describe('a stream', () => {
  async function* numbers(tx: Tx): AsyncGenerator<number> {
    for (let at = 0; at < 1000; at += 1) {
      const [row] = await tx.query<{ n: number }>(
        'SELECT $1::int + count(*)::int AS n FROM tenant_quota WHERE quota = $2',
        [at, 'streamed'],
      );
      yield row!.n;
    }
  }

  const open = async () => {
    const { rows } = await admin.query(
      `SELECT pid FROM pg_stat_activity WHERE application_name = 'uow-api' AND state = 'idle in transaction'`,
    );
    return rows.map(({ pid }) => pid as number);
  };

  it('is one snapshot, however long it takes, and lets its connection go at the end or when nobody reads on', async () => {
    const seen: number[] = [];
    for await (const n of uow.stream(context(), numbers)) {
      seen.push(n);
      if (n === 1) {
        const values = "($1, 'streamed', 1)";
        await admin.query(`INSERT INTO tenant_quota (tenant_id, quota, allowed) VALUES ${values}`, [tenantId]);
      }
      if (n === 5) break;
    }
    expect(seen).toEqual([0, 1, 2, 3, 4, 5]);
    expect(await open()).toEqual([]);
    await admin.query('DELETE FROM tenant_quota WHERE quota = $1', ['streamed']);
  });

  it('that PostgreSQL ends, because its reader stalls, fails by name and harms nobody else', async () => {
    const stream = uow.stream(context(), numbers);
    await stream.next();
    const [pid] = await open();
    expect(pid).toBeDefined();
    await admin.query('SELECT pg_terminate_backend($1)', [pid]);
    await expect(
      (async () => {
        for await (const n of stream) expect(n).toBeGreaterThan(0);
      })(),
    ).rejects.toMatchObject({ code: 'DatabaseUnavailable' });
    expect(await uow.read(context(), (tx) => tx.query('SELECT 1 AS one'))).toEqual([{ one: 1 }]);
  });
});
