import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { projectRoot } from '#config';
import { EmbeddedPostgres } from './embedded-postgres.js';
import { canReach, serverAccount } from './postgres-account.js';
import { locateBinaries, packagedPostgres } from './postgres-binaries.js';

/** The account of nobody on every Linux: an ordinary user for the purpose of these tests. */
const ORDINARY = { uid: 65534, gid: 65534 };
const isRoot = process.getuid?.() === 0;
const build = join(projectRoot(), 'dist/libs/embedded/src/index.js');

/** A user who owns a home and starts the cluster in it; prints the owner of the data, and stops it again. */
const ORDINARY_START = `
  const { EmbeddedPostgres } = await import(process.argv[1]);
  const { statSync } = await import('node:fs');
  const server = new EmbeddedPostgres({ folder: process.argv[2], fsync: false });
  try {
    const running = await server.start();
    console.log(statSync(process.argv[2] + '/data').uid);
    await running.stop();
  } catch (error) { console.log(error.message); }
`;

function startAsOrdinaryUser(folder: string): string {
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', ORDINARY_START, build, folder], {
    ...ORDINARY,
    cwd: '/',
    env: { PATH: process.env.PATH },
    encoding: 'utf8',
  });
  return `${run.stdout}${run.stderr}`.trim();
}

function closedCopy(home: string, withoutLinks: boolean) {
  const packaged = packagedPostgres();
  const native = join(home, 'native');
  cpSync(packaged.native, native, { recursive: true, verbatimSymlinks: true });
  if (withoutLinks) {
    for (const name of readdirSync(join(native, 'lib'))) {
      if (lstatSync(join(native, 'lib', name)).isSymbolicLink()) rmSync(join(native, 'lib', name));
    }
  }
  return { native, version: packaged.version };
}

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'freehold-users-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe('the binaries from npm', () => {
  it('get their library links again when install scripts were switched off', () => {
    chmodSync(home, 0o755);
    const packaged = closedCopy(home, true);
    const library = join(packaged.native, 'lib', 'libicuuc.so.60');
    expect(existsSync(library)).toBe(false);
    const binaries = locateBinaries(null, join(home, 'copies'), packaged);
    expect(binaries).toMatchObject({ postgres: join(packaged.native, 'bin', 'postgres'), major: '18' });
    expect(existsSync(library)).toBe(true);
    expect(existsSync(join(home, 'copies'))).toBe(false);
  });

  it('say what to do when they do not run here', () => {
    chmodSync(home, 0o755);
    const packaged = closedCopy(home, false);
    rmSync(join(packaged.native, 'lib'), { recursive: true });
    mkdirSync(join(packaged.native, 'lib'));
    rmSync(join(packaged.native, 'pg-symlinks.json'));
    expect(() => locateBinaries(null, join(home, 'copies'), packaged)).toThrow(
      /does not run on this machine \(.*shared libraries.*\); set DATABASE_URL to a PostgreSQL of yours/s,
    );
  });
});

if (isRoot) {
  describe('as root', () => {
    it('runs the server as the account postgres, which owns the data', async () => {
      chmodSync(home, 0o755);
      const folder = join(home, 'cluster');
      const running = await new EmbeddedPostgres({ folder, fsync: false }).start();
      const uid = Number(execFileSync('id', ['-u', 'postgres'], { encoding: 'utf8' }));
      expect(statSync(join(folder, 'data')).uid).toBe(uid);
      expect(statSync(join(folder, 'superuser-password')).uid).toBe(0);
      expect(statSync(`/proc/${running.pid}`).uid).toBe(uid);
      await EmbeddedPostgres.destroy(folder);
    });

    it('creates that account when the system has none', () => {
      const name = `fhtest${process.pid}`;
      try {
        const account = serverAccount(join(home, 'data'), name);
        expect(account?.uid).toBe(Number(execFileSync('id', ['-u', name], { encoding: 'utf8' })));
        expect(account?.uid).not.toBe(0);
      } finally {
        spawnSync('userdel', [name]);
      }
    });

    it('keeps the data in a public place when its folder is closed to that account, and finds it again', async () => {
      chmodSync(home, 0o700);
      const folder = join(home, 'cluster');
      const said: string[] = [];
      const open = () => new EmbeddedPostgres({ folder, fsync: false, log: (line) => said.push(line) });
      const server = open();
      const running = await server.start();
      const { base } = JSON.parse(readFileSync(join(folder, 'moved-to.json'), 'utf8')) as { base: string };
      expect(said.join()).toContain(`its data is kept in ${base}`);
      const client = new pg.Client({ connectionString: server.adminUrl });
      await client.connect();
      await client.query('CREATE TABLE kept ()');
      await client.end();
      await running.stop();

      const again = open();
      await again.start();
      const second = new pg.Client({ connectionString: again.adminUrl });
      await second.connect();
      expect((await second.query("SELECT to_regclass('kept') IS NOT NULL AS kept")).rows).toEqual([{ kept: true }]);
      await second.end();

      await EmbeddedPostgres.destroy(folder);
      expect(existsSync(base)).toBe(false);
    });

    it('does not begin anew in silence when the public place is gone', async () => {
      chmodSync(home, 0o700);
      const folder = join(home, 'cluster');
      const running = await new EmbeddedPostgres({ folder, fsync: false }).start();
      await running.stop();
      const { base } = JSON.parse(readFileSync(join(folder, 'moved-to.json'), 'utf8')) as { base: string };
      rmSync(base, { recursive: true });
      await expect(new EmbeddedPostgres({ folder, fsync: false }).start()).rejects.toThrow(
        `the database of ${folder} was kept in ${base}, which is gone`,
      );
    });

    it('ends the server, but keeps the data, of a folder that was removed', async () => {
      chmodSync(home, 0o700);
      const folder = join(home, 'cluster');
      const first = await new EmbeddedPostgres({ folder, fsync: false }).start();
      const { base } = JSON.parse(readFileSync(join(folder, 'moved-to.json'), 'utf8')) as { base: string };
      rmSync(folder, { recursive: true });
      const said: string[] = [];
      const second = await new EmbeddedPostgres({ folder, fsync: false, log: (line) => said.push(line) }).start();
      expect(second.pid).not.toBe(first.pid);
      expect(await first.died).toContain('ended');
      expect(said.join()).toContain(`an earlier database of ${folder} is still in ${base}`);
      expect(existsSync(join(base, 'data', 'PG_VERSION'))).toBe(true);
      rmSync(base, { recursive: true });
      await EmbeddedPostgres.destroy(folder);
    });

    it('copies the binaries for that account when they are closed to it', () => {
      const account = serverAccount(join(home, 'nothing'));
      const packaged = closedCopy(home, true);
      const copies = mkdtempSync(join(tmpdir(), 'freehold-copies-'));
      chmodSync(copies, 0o755);
      try {
        expect(canReach(account, packaged.native)).toBe(false);
        const binaries = locateBinaries(account, copies, packaged);
        expect(binaries.postgres).toBe(join(copies, `postgresql-${packaged.version}`, 'native', 'bin', 'postgres'));
        expect(locateBinaries(account, copies, packaged)).toEqual(binaries);
        expect(readdirSync(copies)).toHaveLength(1);
      } finally {
        rmSync(copies, { recursive: true });
      }
    });

    if (
      canReach(ORDINARY, build.replace(/\/[^/]+$/, '')) &&
      canReach(ORDINARY, process.execPath.replace(/\/[^/]+$/, ''))
    ) {
      it('goes on with what an ordinary user began, who can go on after', async () => {
        chmodSync(home, 0o755);
        chownSync(home, ORDINARY.uid, ORDINARY.gid);
        const folder = join(home, 'cluster');
        expect(startAsOrdinaryUser(folder)).toBe(`${ORDINARY.uid}`);
        const running = await new EmbeddedPostgres({ folder, fsync: false }).start();
        expect(statSync(`/proc/${running.pid}`).uid).toBe(ORDINARY.uid);
        await running.stop();
        expect(startAsOrdinaryUser(folder)).toBe(`${ORDINARY.uid}`);
      });

      it("tells an ordinary user whose data it is when it is another's", async () => {
        chmodSync(home, 0o755);
        const folder = join(home, 'cluster');
        const running = await new EmbeddedPostgres({ folder, fsync: false }).start();
        await running.stop();
        chownSync(folder, ORDINARY.uid, ORDINARY.gid);
        expect(startAsOrdinaryUser(folder)).toMatch(
          /belongs to another user \(uid \d+\).*run as that user or as root, or set FREEHOLD_DATA_DIR/,
        );
      });
    } else {
      process.stdout.write('not tested here: an ordinary user, because the checkout or Node is closed to others\n');
    }
  });
} else {
  process.stdout.write('not tested here: what root does (account postgres, moved data, copied binaries)\n');
}
