import { httpUrl, type Settings } from '#config';
import type { Listener, Listeners } from './listeners.js';
import type { DatabaseLogins } from './prepare-database.js';

type Environment = Record<string, string | undefined>;

/** What the processes are told beside the operator's own settings. */
export interface Surroundings {
  settings: Settings;
  listeners: Listeners;
  logins: DatabaseLogins;
  /** The development chain, or undefined when CHAIN_URL names another. */
  devChainUrl: string | undefined;
}

/**
 * The environments of the children. Each process gets the one database login that it needs and no other: the API must not
 * be able to look past row level security, and only the supervisor may migrate.
 */
export function childEnvironments(around: Surroundings) {
  const { settings, listeners, logins, devChainUrl } = around;
  const { DATABASE_URL, DATABASE_API_URL, DATABASE_SYSTEM_URL, ...inherited } = process.env;
  const common: Environment = {
    ...inherited,
    FREEHOLD_DATA_DIR: settings.dataDir,
    FREEHOLD_API_URL: publicUrls(around).apiUrl,
    FREEHOLD_DATA_URL: publicUrls(around).dataUrl,
    ...(devChainUrl === undefined ? {} : { CHAIN_URL: devChainUrl, FREEHOLD_CHAIN_FINALITY: 'dev' }),
  };
  const listening = (prefix: string, { host, port }: Listener): Environment => ({
    [`FREEHOLD_${prefix}_HOST`]: host,
    [`FREEHOLD_${prefix}_PORT`]: `${port}`,
  });
  const system = { ...common, ...assignedPorts(listeners), DATABASE_SYSTEM_URL: logins.system };
  return {
    bootstrap: system as Environment,
    api: (listener: Listener): Environment => ({
      ...common,
      ...assignedPorts(listeners),
      ...listening('API', listener),
      DATABASE_API_URL: logins.api,
    }),
    worker: (listener: Listener): Environment => ({ ...system, ...listening('WORKER', listener) }),
    data: (): Environment => ({ ...system, ...listening('DATA', listeners.data) }),
  };
}

/** Where callers reach the API and the data process: as the operator says, or at the ports that were assigned. */
export function publicUrls({ settings, listeners }: Pick<Surroundings, 'settings' | 'listeners'>) {
  const { apiHost, apiPort, apiUrl, dataHost, dataPort, dataUrl } = settings;
  const [api] = listeners.api;
  return {
    apiUrl: api && apiUrl === httpUrl(apiHost, apiPort) ? api.url : apiUrl,
    dataUrl: dataUrl === httpUrl(dataHost, dataPort) ? listeners.data.url : dataUrl,
  };
}

/** The ports that were assigned, so that no child reads a 0 or finds two of its own settings equal. */
function assignedPorts({ api, worker, data }: Listeners): Environment {
  return {
    FREEHOLD_API_PORT: `${api[0]?.port}`,
    FREEHOLD_WORKER_PORT: `${worker[0]?.port}`,
    FREEHOLD_DATA_PORT: `${data.port}`,
  };
}
