import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import fc from 'fast-check';
import { describeSettings, entries, loadSettings, SettingError } from './load-settings.js';
import { projectRoot } from './project-root.js';
import { httpUrl } from './settings-list.js';
import { renderEnvExample, renderSettingsPage } from './settings-table.js';

function messageOf(env: Record<string, string>): string {
  try {
    loadSettings(env);
  } catch (error) {
    expect(error).toBeInstanceOf(SettingError);
    return (error as Error).message;
  }
  throw new Error(`accepted: ${JSON.stringify(env)}`);
}

describe('loadSettings', () => {
  it('needs no variable at all', () => {
    const settings = loadSettings({});
    expect(settings).toMatchObject({
      dataDir: join(projectRoot(), '.freehold'),
      kekFile: join(projectRoot(), '.freehold', 'kek'),
      ledgerHeadFile: join(projectRoot(), '.freehold', 'ledger-head.json'),
      apiHost: '127.0.0.1',
      apiPort: 7070,
      apiUrl: 'http://127.0.0.1:7070',
      dataPort: 7071,
      workerPort: 7072,
      databaseUrl: undefined,
      chainFinality: { kind: 'dev' },
      anchorSigners: { required: 1, total: 1 },
      anchorIntervalMs: 10_000,
      logLevel: 'info',
    });
    expect(Object.isFrozen(settings)).toBe(true);
  });

  it('lets defaults follow the settings they are made of', () => {
    const settings = loadSettings({
      FREEHOLD_DATA_DIR: 'some/where',
      FREEHOLD_API_HOST: '::1',
      FREEHOLD_API_PORT: '8080',
      CHAIN_URL: 'https://rpc.example.com',
    });
    expect(settings.dataDir).toBe(resolve('some/where'));
    expect(settings.kekFile).toBe(resolve('some/where/kek'));
    expect(settings.apiUrl).toBe('http://[::1]:8080');
    expect(settings.chainFinality).toEqual({ kind: 'finalized' });
  });

  it('takes an empty variable for an absent one', () => {
    expect(loadSettings({ FREEHOLD_API_PORT: '', REDIS_URL: '' })).toMatchObject({
      apiPort: 7070,
      redisUrl: undefined,
    });
  });

  it('reads quorum and finality', () => {
    expect(loadSettings({ FREEHOLD_ANCHOR_SIGNERS: '2/3', FREEHOLD_CHAIN_FINALITY: 'depth:12' })).toMatchObject({
      anchorSigners: { required: 2, total: 3 },
      chainFinality: { kind: 'depth', blocks: 12 },
    });
  });

  it('reads witnesses from the variable or from a file, and asks for more than half of them', () => {
    const line = (n: number) =>
      `witness.example/w${n}+9f7de85d+BD+22At/6JG+9SgpmG5mqL6r0FwdQwHcEpnZPGpvRU+/ http://w${n}/`;
    const { witnesses, witnessThreshold, witnessRequired } = loadSettings({
      FREEHOLD_WITNESSES: [1, 2, 3].map(line).join(', '),
      FREEHOLD_WITNESS_REQUIRED: 'true',
    });
    expect(witnesses.map(({ url }) => url)).toEqual(['http://w1', 'http://w2', 'http://w3']);
    expect([witnessThreshold, witnessRequired]).toEqual([2, true]);
    const file = join(mkdtempSync(join(tmpdir(), 'freehold-config-')), 'witnesses');
    writeFileSync(file, `# ours\n${line(1)}\n\n${line(2)}\n`);
    expect(loadSettings({ FREEHOLD_WITNESSES: file }).witnesses).toHaveLength(2);
    rmSync(dirname(file), { recursive: true });
    expect(messageOf({ FREEHOLD_WITNESSES: file })).toContain('the path of a file');
    expect(messageOf({ FREEHOLD_WITNESSES: line(1), FREEHOLD_WITNESS_THRESHOLD: '2' })).toContain('asks for 2 of 1');
    expect(messageOf({ FREEHOLD_WITNESS_REQUIRED: 'true' })).toContain('names nobody');
  });

  it.each([
    ['FREEHOLD_WITNESSES', 'http://w'],
    ['FREEHOLD_WITNESSES', 'a+00000000+AAAA'],
    ['FREEHOLD_WITNESSES', 'a+00000000+AAAA ftp://w'],
    ['FREEHOLD_WITNESS_REQUIRED', 'yes'],
    ['FREEHOLD_API_PORT', '70700'],
    ['FREEHOLD_API_PORT', '-1'],
    ['FREEHOLD_API_PORT', '7070 '],
    ['FREEHOLD_API_PORT', '0x10'],
    ['FREEHOLD_API_HOST', '10.0.0.256'],
    ['FREEHOLD_API_HOST', 'http://a'],
    ['FREEHOLD_API_HOST', 'a b'],
    ['FREEHOLD_API_URL', 'ftp://a'],
    ['FREEHOLD_API_URL', 'cloud.example.com'],
    ['FREEHOLD_ANCHOR_SIGNERS', '3/2'],
    ['FREEHOLD_ANCHOR_SIGNERS', '0/1'],
    ['FREEHOLD_CHAIN_FINALITY', 'depth:0'],
    ['FREEHOLD_LOG_LEVEL', 'loud'],
    ['FREEHOLD_KEK_COMMAND', 'one\ntwo'],
    ['FREEHOLD_KEK_FILE', 'a\0b'],
    ['DATABASE_URL', 'mysql://a/b'],
    ['REDIS_URL', '127.0.0.1:6379'],
  ])('refuses %s=%j in one line with the rule and the fix', (variable, value) => {
    const message = messageOf({ [variable]: value });
    expect(message).toMatch(new RegExp(`^${variable}: must be .+; set it like ${variable}=.+, or leave it out`));
    expect(message).not.toContain('\n');
  });

  it('never shows the value of a secret', () => {
    const settings = entries().filter(([, setting]) => setting.secret);
    expect(settings.map(([name]) => name)).toEqual(
      expect.arrayContaining(['databaseUrl', 'databaseApiUrl', 'databaseSystemUrl', 'redisUrl', 'chainUrl']),
    );
    for (const [, setting] of settings) {
      expect(messageOf({ [setting.variable]: 'wrong://user:canary-5d1f@host' })).not.toContain('canary-5d1f');
    }
  });

  it('names the closest setting for an unknown variable with our prefix', () => {
    expect(messageOf({ FREEHOLD_API_PROT: '1' })).toBe(
      'FREEHOLD_API_PROT: is not a setting; did you mean FREEHOLD_API_PORT? docs/settings.md lists them all',
    );
    expect(messageOf({ FREEHOLD_DATADIR: '1' })).toContain('FREEHOLD_DATA_DIR');
  });

  it("lets the client's and the tests' variables and everybody else's pass", () => {
    loadSettings({ FREEHOLD_API_KEY: 'x', FREEHOLD_TEST_PG: '{}', HOME: '/', free_hold: '1' });
  });

  it('refuses one port for two listeners, but any number of free ones', () => {
    expect(messageOf({ FREEHOLD_API_PORT: '7071' })).toBe(
      'FREEHOLD_DATA_PORT: port 7071 is also that of FREEHOLD_API_PORT; give each its own port',
    );
    loadSettings({ FREEHOLD_API_PORT: '0', FREEHOLD_DATA_PORT: '0' });
  });

  it('refuses an outside database with only one of the two logins', () => {
    const url = 'postgres://a:b@c/d';
    expect(messageOf({ DATABASE_URL: url, DATABASE_API_URL: url })).toContain('DATABASE_SYSTEM_URL: must be set');
    loadSettings({ DATABASE_URL: url });
    loadSettings({ DATABASE_API_URL: url });
    loadSettings({ DATABASE_URL: url, DATABASE_API_URL: url, DATABASE_SYSTEM_URL: url });
  });

  it('either loads any text or ends with one line, whatever the text is', () => {
    const variables = entries().map(([, setting]) => setting.variable);
    fc.assert(
      fc.property(fc.constantFrom(...variables), fc.string({ unit: 'binary' }), (variable, text) => {
        try {
          loadSettings({ [variable]: text });
        } catch (error) {
          expect(error).toBeInstanceOf(SettingError);
          expect((error as Error).message).not.toMatch(/[\r\n]/);
        }
      }),
    );
  });
});

describe('describeSettings', () => {
  it('says of a secret only that it is set', () => {
    const shown = describeSettings(loadSettings({ DATABASE_URL: 'postgres://admin:canary-5d1f@db/freehold' }));
    expect(shown.databaseUrl).toBe('[redacted]');
    expect(shown.redisUrl).toBeUndefined();
    expect(JSON.stringify(shown)).not.toContain('canary-5d1f');
  });
});

describe('httpUrl', () => {
  it('is a URL that can be called', () => {
    expect(httpUrl('0.0.0.0', 1)).toBe('http://127.0.0.1:1');
    expect(httpUrl('::', 1)).toBe('http://[::1]:1');
    expect(httpUrl('db.example.com', 1)).toBe('http://db.example.com:1');
  });
});

describe('the list of settings', () => {
  it('has an example that its own rule accepts, and a variable of its own, for each', () => {
    for (const [, setting] of entries()) {
      const alone = { [setting.variable]: setting.example };
      expect(() => loadSettings(alone)).not.toThrow();
    }
    const variables = entries().map(([, setting]) => setting.variable);
    expect(new Set(variables).size).toBe(variables.length);
  });

  it.each([
    ['docs/settings.md', renderSettingsPage],
    ['.env.example', renderEnvExample],
  ])('is what %s shows (else: npm run build:settings)', (file, render) => {
    expect(readFileSync(join(projectRoot(), file), 'utf8')).toBe(render());
  });
});
