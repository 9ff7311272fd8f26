import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { fastify } from 'fastify';
import { until } from '../../../test/support/until.js';
import { closeSilentConnections } from './silent-connections.js';

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

it('a server closes though a connection is open that nothing was asked on, and answers what was asked', async () => {
  const server = fastify();
  closeSilentConnections(server);
  let answer: (() => void) | null = null;
  server.get('/', () => {
    return new Promise((resolve) => {
      answer = () => resolve({ answered: true });
    });
  });
  await server.listen({ port: 0, host: '127.0.0.1' });
  const { port } = server.server.address() as AddressInfo;
  let seen = 0;
  server.server.on('connection', () => {
    seen += 1;
  });
  const silent = await connected(port);
  const asking = fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } });
  await until('both are there', () => seen >= 2);
  await until('it was asked', () => answer !== null);
  const closing = server.close();
  await once(silent, 'close');
  answer!();
  expect(await (await asking).json()).toEqual({ answered: true });
  await closing;
});
