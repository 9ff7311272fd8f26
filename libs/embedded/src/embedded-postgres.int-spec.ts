import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { EmbeddedPostgres } from './embedded-postgres.js';
import { identify, isAlive, type ProcessIdentity, signal, until } from './process-identity.js';

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

function listenOn(port: number): Promise<() => Promise<void>> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(() => new Promise((done) => server.close(() => done()))));
  });
}

describe('EmbeddedPostgres', () => {
  let home: string;
  let folder: string;
  const lines: string[] = [];
  const open = (path = folder) =>
    new EmbeddedPostgres({ folder: path, fsync: false, maxConnections: 20, log: (line) => lines.push(line) });

  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'freehold-embedded-'));
    chmodSync(home, 0o755);
    folder = join(home, 'cluster');
  });

  afterEach(async () => {
    await EmbeddedPostgres.destroy(folder);
    lines.length = 0;
  });

  afterAll(() => rmSync(home, { recursive: true, force: true }));

  it('makes a cluster that only the generated password opens, on loopback', async () => {
    const server = open();
    const running = await server.start();
    const password = readFileSync(join(folder, 'superuser-password'), 'utf8');
    expect(password.length).toBeGreaterThanOrEqual(40);
    expect(statSync(join(folder, 'superuser-password')).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'data')).mode & 0o777).toBe(0o700);
    const [row] = await query(
      server.adminUrl,
      "SELECT current_setting('listen_addresses') AS listen, current_setting('unix_socket_directories') AS sockets, current_setting('data_checksums') AS checksums, current_setting('jit') AS jit, lower('ÄÖ') AS lower",
    );
    expect(row).toEqual({ listen: '127.0.0.1', sockets: '', checksums: 'on', jit: 'off', lower: 'äö' });
    const wrong = server.adminUrl.replace(password, 'guess');
    await expect(query(wrong, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    await running.stop();
    await running.died;
    expect(readdirSync(folder).sort()).toEqual(['data', 'port', 'server.log', 'superuser-password']);
    expect(readFileSync(join(folder, 'server.log'), 'utf8')).not.toContain(password);
  });

  it('keeps data, password and port from one start to the next', async () => {
    const first = open();
    const running = await first.start();
    await query(first.adminUrl, 'CREATE TABLE kept AS SELECT 7 AS n');
    await running.stop();
    const second = open();
    await second.start();
    expect(second.adminUrl).toBe(first.adminUrl);
    expect(await query(second.adminUrl, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
  });

  it('adopts the server that a killed process left running', async () => {
    const first = await open().start();
    const heir = open();
    const adopted = await heir.start();
    expect(adopted.pid).toBe(first.pid);
    expect(await query(heir.adminUrl, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
    await adopted.stop();
    expect(await first.died).toContain('ended');
  });

  it('recovers what was committed when the server is killed under load, on the same port', async () => {
    const server = open();
    const running = await server.start();
    const url = server.adminUrl;
    await query(url, 'CREATE TABLE kept (n int)');
    const busy = Array.from({ length: 4 }, async () => {
      const client = new pg.Client({ connectionString: url });
      client.on('error', () => undefined);
      await client.connect();
      let committed = 0;
      try {
        for (;;) {
          await client.query('INSERT INTO kept SELECT generate_series(1, 100)');
          committed += 100;
        }
      } catch {
        return committed;
      }
    });
    const loaded = async () => Number((await query(url, 'SELECT count(*) AS n FROM kept'))[0]?.n) > 1000;
    while (!(await loaded()));
    signal(running.pid as number, 'SIGKILL');
    const acknowledged = (await Promise.all(busy)).reduce((sum, n) => sum + n, 0);
    expect(await running.died).toBe(`process ${running.pid} ended`);
    await server.start();
    expect(server.adminUrl).toBe(url);
    const [row] = await query(url, 'SELECT count(*) AS n FROM kept');
    expect(Number(row?.n)).toBeGreaterThanOrEqual(acknowledged);
  });

  it('ends the backends that a killed server left when they stay in the way', async () => {
    const server = open();
    const running = await server.start();
    const client = new pg.Client({ connectionString: server.adminUrl });
    client.on('error', () => undefined);
    await client.connect();
    const pid = Number((await client.query('SELECT pg_backend_pid() AS pid')).rows[0].pid);
    const backend = identify(pid) as ProcessIdentity;
    signal(pid, 'SIGSTOP');
    signal(running.pid as number, 'SIGKILL');
    await running.died;
    await server.start();
    expect(isAlive(backend)).toBe(false);
    expect(lines.join()).toContain('ending 1 process(es) that a killed PostgreSQL left');
    expect(await query(server.adminUrl, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
    await client.end().catch(() => undefined);
  });

  it('takes another port when its own was taken while it was down, and keeps to its own once others were told', async () => {
    const first = open();
    const running = await first.start();
    const port = Number(new URL(first.adminUrl).port);
    await running.stop();
    const release = await listenOn(port);
    const second = open();
    const elsewhere = await second.start();
    expect(new URL(second.adminUrl).port).not.toBe(`${port}`);
    await release();

    await elsewhere.stop();
    const told = Number(new URL(second.adminUrl).port);
    const releaseAgain = await listenOn(told);
    const restarting = second.start();
    const attempts = () => readFileSync(join(folder, 'server.log'), 'utf8').split('could not bind').length;
    expect(await until(() => attempts() > 2, 10_000)).toBe(true);
    await releaseAgain();
    await restarting;
    expect(new URL(second.adminUrl).port).toBe(`${told}`);
  });

  it('is not fooled by a leftover pid file whose number another program has', async () => {
    const running = await open().start();
    await running.stop();
    const owner = statSync(join(folder, 'data'));
    const file = join(folder, 'data', 'postmaster.pid');
    writeFileSync(file, `${process.pid}\n${folder}/data\n1\n5432\n\n127.0.0.1\n\nready\n`, { mode: 0o600 });
    expect(owner.uid === process.getuid?.() || process.getuid?.() === 0).toBe(true);
    const again = await open().start();
    expect(again.pid).not.toBe(process.pid);
  });

  it('begins anew when it was killed while it made the cluster', async () => {
    mkdirSync(join(folder, 'draft-dead', 'base'), { recursive: true });
    writeFileSync(join(folder, 'draft-dead.password'), 'old');
    chmodSync(folder, 0o711);
    await open().start();
    expect(readdirSync(folder).filter((name) => name.startsWith('draft-'))).toEqual([]);
  });

  it('refuses data of another major version with what to do', async () => {
    await (await open().start()).stop();
    writeFileSync(join(folder, 'data', 'PG_VERSION'), '12\n');
    await expect(open().start()).rejects.toThrow(
      /is of PostgreSQL 12, and the installed one is 18: install the package embedded-postgres@12 again/,
    );
  });

  it('says what the server said when its configuration is broken', async () => {
    await (await open().start()).stop();
    const file = join(folder, 'data', 'postgresql.auto.conf');
    writeFileSync(file, "shared_buffers = 'plenty'\n");
    await expect(open().start()).rejects.toThrow(/PostgreSQL did not start on .*data; it said:\n.*shared_buffers/s);
  });

  it('leaves nothing running when its start is given up', async () => {
    await (await open().start()).stop();
    const abort = new AbortController();
    const starting = open().start(abort.signal);
    abort.abort(new Error('given up'));
    await expect(starting).rejects.toThrow('given up');
    expect(existsSync(join(folder, 'data', 'postmaster.pid'))).toBe(false);
  });
});
