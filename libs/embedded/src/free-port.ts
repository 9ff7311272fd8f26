import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the range from which Linux draws outgoing ports, so that a port stays free while its server is being restarted. */
const LOWEST = 20_000;
const HIGHEST = 32_000;

/** True when nothing listens on this port of the address. */
export function isPortFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** A port of the address that nothing listens on now. Another program may take it before it is used: be ready to ask again. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const port = randomInt(LOWEST, HIGHEST);
    if (await isPortFree(port, host)) return port;
  }
  throw new Error(`no free port from ${LOWEST} to ${HIGHEST} on ${host}`);
}
