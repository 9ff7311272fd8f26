import { loadSettings } from '#config';
import { childEnvironments } from './child-environment.js';
import type { Listener, Listeners } from './listeners.js';

const at = (name: string, port: number): Listener => ({
  name,
  host: '127.0.0.1',
  port,
  url: `http://127.0.0.1:${port}`,
});
const listeners: Listeners = {
  api: [at('api', 25001), at('api-2', 25011)],
  worker: [at('worker', 25003)],
  data: at('data', 25002),
};
const logins = { api: 'postgres://freehold_api:a@db/freehold', system: 'postgres://freehold_system:s@db/freehold' };
const owner = 'postgres://freehold_owner:o@db/freehold';

function environments(env: Record<string, string> = {}, devChainUrl: string | null = 'http://127.0.0.1:25004') {
  const settings = loadSettings({
    FREEHOLD_API_PORT: '0',
    FREEHOLD_DATA_PORT: '0',
    FREEHOLD_WORKER_PORT: '0',
    ...env,
  });
  return childEnvironments({ settings, listeners, logins, devChainUrl: devChainUrl ?? undefined });
}

describe('the environments of the children', () => {
  let before: string | undefined;
  beforeEach(() => {
    before = process.env.DATABASE_URL;
    process.env.DATABASE_URL = owner;
  });
  afterEach(() => {
    if (before === undefined) delete process.env.DATABASE_URL;
    else process.env.DATABASE_URL = before;
  });

  it('hold the one login that a process needs, and never the one that migrates', () => {
    const { api, bootstrap, data, worker } = environments();
    expect(api(at('api', 25001))).toMatchObject({ DATABASE_API_URL: logins.api });
    for (const env of [bootstrap, data(), worker(at('worker', 25003))]) {
      expect(env).toMatchObject({ DATABASE_SYSTEM_URL: logins.system });
      expect(env).not.toHaveProperty('DATABASE_API_URL');
    }
    expect(api(at('api', 25001))).not.toHaveProperty('DATABASE_SYSTEM_URL');
    expect(JSON.stringify([api(at('api', 25001)), bootstrap, data(), worker(at('worker', 25003))])).not.toContain(
      owner,
    );
  });

  it('are read by the children as what was assigned', () => {
    const second = loadSettings(environments().api(at('api-2', 25011)));
    expect(second).toMatchObject({
      apiPort: 25011,
      apiUrl: 'http://127.0.0.1:25001',
      dataPort: 25002,
      dataUrl: 'http://127.0.0.1:25002',
      workerPort: 25003,
      chainUrl: 'http://127.0.0.1:25004',
      chainFinality: { kind: 'dev' },
    });
  });

  it('keep the addresses that the operator gave', () => {
    const env = environments({
      FREEHOLD_API_URL: 'https://cloud.example.com',
      FREEHOLD_DATA_URL: 'https://d.example.com',
    });
    expect(loadSettings(env.data())).toMatchObject({
      apiUrl: 'https://cloud.example.com',
      dataUrl: 'https://d.example.com',
      dataPort: 25002,
    });
  });

  it("leave a chain of the operator's own and its finality alone", () => {
    const env = environments({}, null);
    expect(env.worker(at('worker', 25003))).not.toHaveProperty('FREEHOLD_CHAIN_FINALITY');
  });
});
