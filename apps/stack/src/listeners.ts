import { httpUrl, type Settings } from '#config';
import { freePort, isPortFree } from '#embedded';

/** Where one process listens. */
export interface Listener {
  /** Unique in the stack: `api`, `api-2`, ... */
  name: string;
  host: string;
  port: number;
  url: string;
}

export interface Listeners {
  api: Listener[];
  worker: Listener[];
  data: Listener;
}

/** Another program listens where one of ours must. */
export class PortTakenError extends Error {
  override name = 'PortTakenError';
}

/** From one process of a kind to the next; 7070, 7071 and 7072 are of three kinds. */
const STEP = 10;

/**
 * Gives each process its port, and finds out before anything is started whether it is free.
 * @throws PortTakenError
 */
export async function assignListeners(settings: Settings, apiCount: number, workerCount: number): Promise<Listeners> {
  const series = (name: string, variable: string, host: string, first: number, count: number) =>
    Promise.all(
      Array.from({ length: count }, (_, index) =>
        assign(index === 0 ? name : `${name}-${index + 1}`, variable, host, first === 0 ? 0 : first + STEP * index),
      ),
    );
  const api = await series('api', 'FREEHOLD_API_PORT', settings.apiHost, settings.apiPort, apiCount);
  const worker = await series('worker', 'FREEHOLD_WORKER_PORT', settings.workerHost, settings.workerPort, workerCount);
  const data = await assign('data', 'FREEHOLD_DATA_PORT', settings.dataHost, settings.dataPort);
  return { api, worker, data };
}

async function assign(name: string, variable: string, host: string, wanted: number): Promise<Listener> {
  if (wanted !== 0 && !(await isPortFree(wanted, host))) {
    throw new PortTakenError(
      `port ${wanted} of ${host}, where ${name} is to listen, is in use by another program or cannot be had: end that program, or set ${variable} to another port (0: any free one)`,
    );
  }
  const port = wanted === 0 ? await freePort(host) : wanted;
  return { name, host, port, url: httpUrl(host, port) };
}
