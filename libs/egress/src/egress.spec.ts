import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { parseCidr } from '#ip';
import { DnsServer } from '../../../test/support/dns-server.js';
import { Egress, type PostResult } from './egress.js';

const never = new AbortController().signal;
const LOOPBACK = ['127.0.0.0/8', '::1/128'];

let dns: DnsServer;
let server: Server;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let seen: { method?: string; url?: string; headers: IncomingMessage['headers']; body: string }[] = [];

beforeAll(async () => {
  dns = await DnsServer.start();
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const { method, url, headers } = request;
    seen.push({ method, url, headers, body });
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
beforeEach(() => {
  seen = [];
  answer = (_request, response) => void response.writeHead(204).end();
});
afterAll(async () => {
  dns.stop();
  server.closeAllConnections();
  server.close();
});

const portOfServer = () => (server.address() as AddressInfo).port;
const urlOf = (host = '127.0.0.1', path = '/hook') => `http://${host}:${portOfServer()}${path}`;

function egress(allow: readonly string[] = LOOPBACK, egressHttp: 'refuse' | 'allow' = 'allow'): Egress {
  return new Egress({ egressAllow: allow.map((text) => parseCidr(text)), egressHttp, egressDns: [dns.address] });
}

function post(url: string, way = egress(), timeoutMs = 10_000): Promise<PostResult> {
  const message = { headers: { 'content-type': 'application/json' }, body: Buffer.from('{"a":1}') };
  return way.post(url, message, { timeoutMs, signal: never });
}

describe('a post', () => {
  it('reaches the address of a name with one lookup, and says the name as host', async () => {
    dns.set('hooks.example', '127.0.0.1');
    const before = dns.asked.get('hooks.example') ?? 0;
    expect(await post(urlOf('hooks.example', '/a?b=c'))).toMatchObject({ status: 204, durationMs: expect.any(Number) });
    expect(seen).toMatchObject([
      {
        method: 'POST',
        url: '/a?b=c',
        body: '{"a":1}',
        headers: { host: `hooks.example:${portOfServer()}`, 'content-length': '7', 'content-type': 'application/json' },
      },
    ]);
    // One for each version of IP, and none by the connection.
    expect((dns.asked.get('hooks.example') ?? 0) - before).toBe(2);
  });

  it('goes to the next address when one cannot be connected to', async () => {
    dns.set('two.example', '127.0.0.1', '::1');
    const alone = createServer((_request, response) => void response.end());
    alone.listen(0, '::1');
    await once(alone, 'listening');
    const { port } = alone.address() as AddressInfo;
    expect(await post(`http://two.example:${port}/`)).toMatchObject({ status: 200 });
    alone.closeAllConnections();
    alone.close();
  });

  it('does not follow a redirect, wherever it leads', async () => {
    answer = (_request, response) => void response.writeHead(307, { location: urlOf('127.0.0.1', '/other') }).end();
    expect(await post(urlOf())).toMatchObject({ status: 307 });
    expect(seen).toHaveLength(1);
  });

  it('takes no proxy from the environment', async () => {
    const proxies = { HTTP_PROXY: 'http://127.0.0.1:9', http_proxy: 'http://127.0.0.1:9', NODE_USE_ENV_PROXY: '1' };
    Object.assign(process.env, proxies);
    try {
      expect(await post(urlOf())).toMatchObject({ status: 204 });
    } finally {
      for (const name of Object.keys(proxies)) delete process.env[name];
    }
  });

  it('reads Retry-After, as seconds and as a time', async () => {
    answer = (_request, response) => void response.writeHead(503, { 'retry-after': '120' }).end();
    expect(await post(urlOf())).toMatchObject({ status: 503, retryAfterSeconds: 120 });
    const at = new Date(Date.now() + 60_000).toUTCString();
    answer = (_request, response) => void response.writeHead(503, { 'retry-after': at }).end();
    const { retryAfterSeconds } = (await post(urlOf())) as { retryAfterSeconds: number };
    expect(retryAfterSeconds).toBeGreaterThan(50);
    expect(retryAfterSeconds).toBeLessThanOrEqual(60);
  });
});

describe('a receiver', () => {
  it('that never ends its reply is told by its status, and cut off', async () => {
    let closed: Promise<unknown> = Promise.resolve();
    answer = (_request, response) => {
      closed = once(response, 'close');
      response.writeHead(200);
      const fill = () => {
        while (!response.destroyed && response.write(Buffer.alloc(64 * 1024)));
      };
      response.on('drain', fill);
      fill();
    };
    expect(await post(urlOf())).toMatchObject({ status: 200 });
    await closed;
  });

  it('that drips its reply is told by its status when the time is over', async () => {
    answer = (_request, response) => {
      response.writeHead(201);
      const drip = setInterval(() => response.write('x'), 5);
      response.once('close', () => clearInterval(drip));
    };
    const { durationMs, ...outcome } = await post(urlOf(), egress(), 150);
    expect(outcome).toEqual({ status: 201, retryAfterSeconds: null });
    expect(durationMs).toBeGreaterThanOrEqual(100);
  });

  it('that does not answer is left in time', async () => {
    answer = () => undefined;
    expect(await post(urlOf(), egress(), 100)).toMatchObject({ failure: 'timeout' });
  });

  it('that is not there, does not speak HTTP, speaks no TLS, or shows a certificate of nobody is told by its class', async () => {
    const free = createTcpServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address() as AddressInfo;
    free.close();
    await once(free, 'close');
    expect(await post(`http://127.0.0.1:${port}/`)).toMatchObject({ failure: 'connect' });
    const babbling = await tcpServer('HELO\r\n');
    expect(await post(`http://127.0.0.1:${babbling.port}/`)).toMatchObject({ failure: 'protocol' });
    expect(await post(`https://127.0.0.1:${babbling.port}/`)).toMatchObject({ failure: 'tls' });
    babbling.server.close();
  });

  it('whose name is unknown is told so', async () => {
    expect(await post('http://unknown.example:8080/')).toMatchObject({ failure: 'dns' });
  });

  it('is left when the process is to end, and that is no failure of its own', async () => {
    const ending = new AbortController();
    answer = () => ending.abort(new Error('the process ends'));
    const message = { headers: {}, body: Buffer.from('{}') };
    const posting = egress().post(urlOf(), message, { timeoutMs: 10_000, signal: ending.signal });
    await expect(posting).rejects.toThrow('the process ends');
  });
});

async function tcpServer(says: string): Promise<{ server: TcpServer; port: number }> {
  const speaker = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(says);
  }).listen(0, '127.0.0.1');
  await once(speaker, 'listening');
  return { server: speaker, port: (speaker.address() as AddressInfo).port };
}

describe('what is inside', () => {
  const closedWay = () => egress([]);

  it.each(['127.0.0.1', '127.1', '0x7f000001', 'localhost', '[::1]', '[::ffff:127.0.0.1]', '0.0.0.0', '0'])(
    'is reached neither when it is named nor when it is posted to: %s',
    async (host) => {
      dns.set('localhost', '127.0.0.1', '::1');
      await expect(closedWay().check(urlOf(host))).rejects.toThrow(/not public/);
      expect(await post(urlOf(host), closedWay())).toMatchObject({ failure: 'refused' });
      expect(seen).toEqual([]);
    },
  );

  it.each([
    ['10.0.0.5'],
    ['169.254.169.254'],
    ['fd00::5'],
    ['2002:7f00:1::1'],
    ['64:ff9b::7f00:1'],
    ['1.1.1.1', '10.0.0.5'],
  ])('is not reached through a name either: %s %s', async (...addresses) => {
    dns.set('inside.example', ...addresses);
    const refusal = await closedWay()
      .check('https://inside.example/')
      .catch((error: Error) => error);
    expect(refusal).toMatchObject({ code: 'EgressRefused', errors: [{ rule: 'url.public-address' }] });
    // A name may have led into the operator's network: the answer does not draw a map of it.
    for (const address of addresses) expect(JSON.stringify(refusal)).not.toContain(address);
    expect(await post('https://inside.example/', closedWay())).toMatchObject({ failure: 'refused' });
  });

  it('is not reached by a name that was public when it was looked at', async () => {
    dns.set('turning.example', '1.1.1.1');
    const url = urlOf('turning.example');
    expect(await closedWay().check(url)).toBe(url);
    dns.set('turning.example', '127.0.0.1');
    expect(await post(url, closedWay())).toMatchObject({ failure: 'refused' });
    expect(seen).toEqual([]);
  });

  it('is not reached over plain HTTP at all, unless the operator allows it', async () => {
    const way = egress(LOOPBACK, 'refuse');
    await expect(way.check(urlOf())).rejects.toMatchObject({ errors: [{ rule: 'url.scheme' }] });
    expect(await post(urlOf(), way)).toMatchObject({ failure: 'refused' });
  });

  it('has a name that the DNS must know', async () => {
    await expect(closedWay().check('https://unknown.example/')).rejects.toMatchObject({
      errors: [{ rule: 'url.host-resolves' }],
    });
  });
});
