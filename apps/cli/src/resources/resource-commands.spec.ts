import { RecordingApi } from '../testing/recording-api.js';
import { freehold, type Surroundings } from '../testing/recording-terminal.js';

const api = new RecordingApi();
beforeAll(() => api.start());
afterAll(() => api.stop());
beforeEach(() => api.script());

const run = (line: string, around: Surroundings = {}) => freehold(line.split(' '), { env: api.env, ...around });

describe('the command line of a resource', () => {
  it('becomes one request', async () => {
    await run('vpc create --cidr-block 10.0.0.0/16 --tag a=b --tag c=d=e --name main');
    expect(api.last).toMatchObject({
      method: 'POST',
      url: '/v1/vpcs',
      body: { cidrBlock: '10.0.0.0/16', name: 'main', tags: { a: 'b', c: 'd=e' } },
      headers: { authorization: 'Bearer fh_test', 'idempotency-key': expect.stringMatching(/^[0-9a-f-]{36}$/) },
    });
  });

  it('takes ids from its arguments, in the order of the path', async () => {
    await run('cidr-block remove vpc-1 vpc-cidr-assoc-2 --yes');
    expect(api.last).toMatchObject({ method: 'DELETE', url: '/v1/vpcs/vpc-1/cidr-blocks/vpc-cidr-assoc-2' });
    await run('vpc get a/../b?c');
    expect(api.last.url).toBe('/v1/vpcs/a%2F..%2Fb%3Fc');
    expect(await run('vpc get ..')).toMatchObject({ code: 2 });
  });

  it('sends options of a query in the query, and repeated ones repeatedly', async () => {
    await run('route delete rtb-1 --destination-cidr-block 0.0.0.0/0 -y');
    expect(api.last.url).toBe('/v1/route-tables/rtb-1/routes?destinationCidrBlock=0.0.0.0%2F0');
    await run('vpn-connection create --vpn-gateway-id v --customer-gateway-id c --remote-prefix a --remote-prefix b');
    expect(api.last.body).toMatchObject({ remotePrefixes: ['a', 'b'] });
    api.script({ status: 200, body: { items: [], nextCursor: null } });
    await run('vpc list --tag env:prod --tag b');
    expect(api.last.url).toBe('/v1/vpcs?tag=env%3Aprod&tag=b&limit=1000');
  });

  it('takes a name away with an empty text', async () => {
    await freehold(['vpc', 'update', 'vpc-1', '--name', ''], { env: api.env });
    expect(api.last).toMatchObject({ method: 'PATCH', body: { name: null } });
    expect(await run('vpc update vpc-1')).toMatchObject({ code: 2, err: expect.stringContaining('--name, --tag') });
  });

  it('takes global options before the command and behind it', async () => {
    await run('--dry-run --idempotency-key once vpc create --cidr-block 10.0.0.0/16 --if-match 3');
    expect(api.last).toMatchObject({
      url: '/v1/vpcs?dryRun=true',
      headers: { 'idempotency-key': 'once', 'if-match': '"3"' },
    });
    for (const line of ['vpc get x -o json', '-o json vpc get x', 'vpc -o json get x']) {
      expect(JSON.parse((await run(line)).out)).toEqual({ id: 'x' });
    }
    expect((await run('-o json vpc get x -o yaml')).out).toBe('id: x\n');
  });

  it('is known by the plural and by the verbs of old', async () => {
    await run('vpcs show vpc-1');
    expect(api.last.url).toBe('/v1/vpcs/vpc-1');
    await run('elastic-ip create');
    expect(api.last).toMatchObject({ method: 'POST', url: '/v1/elastic-ips', body: {} });
  });

  it.each([
    'vpc create',
    'vpc create --cidr-block',
    'vpc create --cidr-block 10.0.0.0/16 --tag nothing',
    'vpc create --cidr-block 10.0.0.0/16 --frobnicate',
    'vpc get',
    'vpc get a b',
    'vpc frobnicate',
    'frobnicate',
    'vpc list --limit 0',
    'vpc get x -o xml',
    'customer-gateway create --address 1.2.3.4 --asn many',
    'route-table list --main maybe',
  ])('is refused as usage: %s', async (line) => {
    expect(await run(line)).toMatchObject({ code: 2, out: '', err: expect.stringMatching(/^error: /) });
    expect(api.seen).toEqual([]);
  });

  it('follows the pages of a list up to the limit', async () => {
    const page = (id: string, nextCursor: string | null) => ({ status: 200, body: { items: [{ id }], nextCursor } });
    api.script(page('a', 'second'), page('b', 'third'), page('c', null));
    const { out, err } = await run('vpc list -o json --limit 2');
    expect(JSON.parse(out)).toEqual([{ id: 'a' }, { id: 'b' }]);
    expect(api.seen.map(({ url }) => url)).toEqual(['/v1/vpcs?limit=2', '/v1/vpcs?cursor=second&limit=1']);
    expect(err).toContain('--cursor third');
  });

  it('asks before what is dangerous', async () => {
    expect(await run('vpc delete vpc-1')).toMatchObject({ code: 2, err: expect.stringContaining('say --yes') });
    expect(await run('vpc delete vpc-1', { answer: 'n' })).toMatchObject({ code: 2 });
    expect(api.seen).toEqual([]);
    expect(await run('vpc delete vpc-1', { answer: 'y' })).toMatchObject({ code: 0 });
    await run('vpc delete vpc-1 --dry-run');
    expect(api.seen.map(({ url }) => url)).toEqual(['/v1/vpcs/vpc-1', '/v1/vpcs/vpc-1?dryRun=true']);
  });

  it('asks again after a lost reply, under the same key', async () => {
    api.script({ status: 0, cut: true }, { status: 503, body: { code: 'Busy', detail: 'busy' } });
    expect(await run('vpc create --cidr-block 10.0.0.0/16')).toMatchObject({ code: 0 });
    const keys = api.seen.map(({ headers }) => headers['idempotency-key']);
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
  });

  it('asks the open log without a credential', async () => {
    await freehold(['log', 'show'], { env: { ...api.env, FREEHOLD_API_KEY: '' } });
    expect(api.last.headers.authorization).toBeUndefined();
    const tenant = await freehold(['vpc', 'list'], { env: { ...api.env, FREEHOLD_API_KEY: '' } });
    expect(tenant).toMatchObject({ code: 4, err: expect.stringContaining('FREEHOLD_API_KEY') });
  });
});

describe('a refusal', () => {
  const refuse = (status: number, further: object = {}) =>
    api.script({ status, body: { code: 'SomeCode', detail: 'what is wrong', status, ...further } });

  it.each([
    [400, 1],
    [401, 4],
    [403, 4],
    [404, 1],
    [409, 5],
    [412, 5],
    [422, 1],
  ])('of status %i ends with %i', async (status, code) => {
    refuse(status);
    expect(await run('vpc get x')).toMatchObject({ code, out: '', err: expect.stringContaining('what is wrong') });
  });

  it('names field, rule and fix, and what stands in the way as commands in its order', async () => {
    refuse(409, {
      errors: [{ pointer: '/cidrBlock', rule: 'subnet.block-overlap', message: 'it overlaps', fix: 'use another' }],
      blockers: [
        { kind: 'NAT gateway', id: 'nat-1', fix: 'DELETE /v1/nat-gateways/nat-1' },
        { kind: 'subnet', id: 'subnet-1', fix: 'wait' },
      ],
      requestId: 'req-1',
    });
    const { err } = await run('vpc delete x -y');
    expect(err.split('\n')).toEqual([
      'error: what is wrong',
      '  /cidrBlock: it overlaps (subnet.block-overlap)',
      '    fix: use another',
      '  in the way, in the order in which they can be removed:',
      '    1. NAT gateway nat-1: freehold nat-gateway delete nat-1',
      '    2. subnet subnet-1: wait',
      '  SomeCode, request req-1',
      '',
    ]);
  });

  it('is a document for programs, on the standard error', async () => {
    refuse(409, { requestId: 'req-1' });
    const { out, err } = await run('vpc get x -o json');
    expect(out).toBe('');
    expect(JSON.parse(err)).toMatchObject({ code: 'SomeCode', detail: 'what is wrong', requestId: 'req-1' });
  });

  it('cannot write to the terminal what it likes', async () => {
    refuse(400, { detail: 'a\u001b]0;title\u0007b\u202ec' });
    expect((await run('vpc get x')).err).toContain('a\\u001b]0;title\\u0007b\\u202ec');
  });

  it('of the connection says so', async () => {
    const env = { ...api.env, FREEHOLD_URL: 'http://127.0.0.1:1' };
    expect(await run('vpc list', { env })).toMatchObject({
      code: 1,
      err: expect.stringContaining('cannot be reached'),
    });
  });
});
