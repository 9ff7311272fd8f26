import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/**
 * Lets a process end though somebody holds a connection on which nothing was ever asked: browsers and connection pools open
 * some ahead. Node.js takes those for busy, and would wait for them until they time out.
 */
export function closeSilentConnections(fastify: FastifyInstance): void {
  const open = new Set<Socket>();
  let closing = false;
  fastify.server.on('connection', (socket: Socket) => {
    if (closing) return void socket.destroy();
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  fastify.addHook('preClose', async () => {
    closing = true;
    for (const socket of open) if (socket.bytesRead === 0) socket.destroy();
  });
}
