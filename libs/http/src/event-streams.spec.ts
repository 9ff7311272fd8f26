import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { type FastifyInstance, fastify } from 'fastify';
import { until } from '../../../test/support/until.js';
import { StreamPlaces, sendEventStream } from './event-streams.js';

const EVENT = `data: ${'x'.repeat(64 * 1024)}\n\n`;
/** More than the buffers of both ends of a connection on loopback hold, and far less than would be made without end. */
const MOST_MADE = 400;

let server: FastifyInstance;
let made = 0;
let closed = 0;

async function* withoutEnd(): AsyncGenerator<string> {
  for (;;) {
    made += 1;
    yield EVENT;
  }
}

beforeAll(async () => {
  server = fastify();
  server.get<{ Querystring: { stalled: string } }>('/', async (request, reply) => {
    const close = () => {
      closed += 1;
    };
    await sendEventStream(reply, { events: withoutEnd(), close }, Number(request.query.stalled));
  });
  await server.listen({ port: 0, host: '127.0.0.1' });
});
beforeEach(() => {
  made = 0;
  closed = 0;
});
afterAll(() => server.close());

/** Has read the head of the reply, and reads nothing more by itself. */
async function silentReader(stalledMs: number): Promise<Socket> {
  const { port } = server.server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(`GET /?stalled=${stalledMs} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await once(socket, 'data');
  socket.pause();
  return socket;
}

describe('a stream for a reader that takes nothing', () => {
  it('makes no more than the connection holds, and is cut off', async () => {
    const socket = await silentReader(200);
    await until('it is cut off', () => closed > 0);
    expect(made).toBeGreaterThan(0);
    expect(made).toBeLessThan(MOST_MADE);
    socket.destroy();
  });

  it('goes on when the reader does, and ends when the reader goes', async () => {
    const socket = await silentReader(60_000);
    let before = -1;
    await until('the connection is full', () => {
      const still = made === before;
      before = made;
      return still && made > 0;
    });
    expect(made).toBeLessThan(MOST_MADE);
    socket.resume();
    await until('more is made', () => made > MOST_MADE);
    expect(closed).toBe(0);
    socket.destroy();
    await until('it ends', () => closed > 0);
  });
});

describe('places', () => {
  const limits = { perHolder: 2, total: 3, refusal: (limit: number) => `${limit} already` };

  it('are so many for one holder and so many for all', () => {
    const places = new StreamPlaces(limits);
    const first = places.take('a');
    places.take('a');
    expect(() => places.take('a')).toThrow('2 already');
    places.take('b');
    expect(() => places.take('b')).toThrow('2 already');
    first.leave();
    first.leave();
    expect(first.signal.aborted).toBe(true);
    places.take('b');
    expect(() => places.take('c')).toThrow();
  });

  it('are all given back at once', () => {
    const places = new StreamPlaces(limits);
    const taken = [places.take('a'), places.take('a'), places.take('b')];
    places.closeAll();
    expect(taken.every(({ signal }) => signal.aborted)).toBe(true);
    for (const holder of ['a', 'a', 'b']) places.take(holder);
  });
});
