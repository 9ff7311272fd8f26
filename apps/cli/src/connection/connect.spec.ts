import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../cli-errors.js';
import { baseUrl, findConnection } from './connect.js';
import { createPrivateFile } from './private-file.js';
import { Profiles } from './profiles.js';

let folder: string;
let env: Record<string, string | undefined>;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'freehold-connect-'));
  env = { FREEHOLD_CONFIG: join(folder, 'config/config.json'), FREEHOLD_DATA_DIR: join(folder, 'data') };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const keep = (name: string, url: string) => new Profiles(env).save(name, { url, apiKey: `fh_${name}` });

/** What a running stack writes of itself; this process stands for its supervisor. */
function runStack(pid = process.pid): void {
  mkdirSync(join(folder, 'data'), { recursive: true });
  const state = {
    version: 1,
    process: { pid },
    apiUrl: 'http://local:7070',
    dataUrl: 'http://local:7071',
    chainUrl: null,
  };
  writeFileSync(join(folder, 'data/stack.json'), JSON.stringify(state));
}

describe('the connection', () => {
  it('is the current profile, or the one that is named', () => {
    keep('first', 'https://first.example/');
    keep('second', 'https://second.example');
    expect(findConnection({}, env)).toEqual({ url: 'https://second.example', apiKey: 'fh_second' });
    expect(findConnection({ profile: 'first' }, env)).toEqual({ url: 'https://first.example', apiKey: 'fh_first' });
    const named = { ...env, FREEHOLD_PROFILE: 'first' };
    expect(findConnection({}, named).apiKey).toBe('fh_first');
    expect(() => findConnection({ profile: 'third' }, env)).toThrow(/first, second/);
  });

  it('is taken from the environment before the current profile, not before one that is named', () => {
    keep('kept', 'https://kept.example');
    const given = { ...env, FREEHOLD_URL: 'https://env.example', FREEHOLD_API_KEY: 'fh_env' };
    expect(findConnection({}, given)).toEqual({ url: 'https://env.example', apiKey: 'fh_env' });
    expect(findConnection({ profile: 'kept' }, given)).toEqual({ url: 'https://kept.example', apiKey: 'fh_kept' });
  });

  it('sends the key of a profile to no other place', () => {
    keep('kept', 'https://kept.example');
    expect(findConnection({ url: 'https://other.example' }, env).apiKey).toBeNull();
    expect(findConnection({ url: 'https://kept.example:443/' }, env).apiKey).toBe('fh_kept');
    expect(findConnection({}, { ...env, FREEHOLD_URL: 'http://kept.example' }).apiKey).toBeNull();
  });

  it('is the stack on this machine while it runs', () => {
    expect(() => findConnection({}, env)).toThrow(UsageError);
    runStack();
    expect(findConnection({}, env)).toEqual({ url: 'http://local:7070', apiKey: null });
    keep('kept', 'https://kept.example');
    expect(findConnection({}, env).url).toBe('https://kept.example');
    expect(findConnection({}, { ...env, FREEHOLD_API_KEY: 'fh_env' })).toEqual({
      url: 'http://local:7070',
      apiKey: 'fh_env',
    });
    runStack(2 ** 30);
    expect(findConnection({}, { ...env, FREEHOLD_API_KEY: 'fh_env' }).url).toBe('https://kept.example');
  });

  it.each(['ftp://x', 'nonsense', 'http://user:pw@x', 'http://x/?a=b'])('is not %s', (url) => {
    expect(() => baseUrl(url)).toThrow(UsageError);
  });
});

describe('the configuration file', () => {
  it('is readable by its owner only, and changed as a whole', () => {
    keep('first', 'https://first.example');
    keep('second', 'https://second.example');
    const path = env.FREEHOLD_CONFIG!;
    expect(statSync(path).mode & 0o777).toBe(0o600);
    new Profiles(env).remove('second');
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({
      current: 'first',
      profiles: { first: { url: 'https://first.example', apiKey: 'fh_first' } },
    });
    expect(() => keep('../x', 'https://x.example')).toThrow(UsageError);
    expect(() => new Profiles(env).find('__proto__')).toThrow(UsageError);
  });

  it('that is none is refused by its name', () => {
    mkdirSync(join(folder, 'config'));
    writeFileSync(env.FREEHOLD_CONFIG!, '{"profiles":3}');
    expect(() => findConnection({}, env)).toThrow(env.FREEHOLD_CONFIG);
  });
});

describe('a private file', () => {
  it('is never written over', () => {
    const path = join(folder, 'key');
    createPrivateFile(path, 'first');
    expect(() => createPrivateFile(path, 'second')).toThrow(/not overwritten/);
    expect(readFileSync(path, 'utf8')).toBe('first');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(existsSync(join(folder, 'key.draft'))).toBe(false);
  });
});
