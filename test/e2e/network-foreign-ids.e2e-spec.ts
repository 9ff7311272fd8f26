import { NetworkFixture, type WholeNetwork } from '../../libs/network/src/testing/network-fixture.js';
import type { TestReply } from '../support/test-api.js';

interface Schema {
  type?: string;
  pattern?: string;
  properties?: Record<string, Schema>;
  required?: string[];
}

interface Operation {
  method: string;
  path: string;
  pathParameters: Record<string, Schema>;
  queryParameters: Record<string, Schema>;
  requiredQuery: string[];
  body: Schema | null;
}

/** What a required field that is no id is sent as; by name, because a schema does not say what makes sense. */
const SAMPLES: Record<string, unknown> = {
  cidrBlock: '10.0.9.0/24',
  destinationCidrBlock: '198.18.0.0/15',
  zone: 'zone-1',
  remotePrefixes: ['172.17.0.0/16'],
  address: '198.51.100.9',
};

let fixture: NetworkFixture;
let victim: WholeNetwork;
let caller: WholeNetwork;
let operations: Operation[];
let own: Map<string, string>;
let foreign: Map<string, string>;

beforeAll(async () => {
  fixture = await NetworkFixture.start();
  await fixture.pool('public', '203.0.113.0/24');
  await fixture.gatewayHost('gateway');
  victim = await fixture.wholeNetwork();
  caller = await fixture.wholeNetwork();
  own = idsByPrefix(caller);
  foreign = idsByPrefix(victim);
  operations = await networkOperations();
});
afterAll(() => fixture.close());

const prefixOf = (id: string) => id.slice(0, id.lastIndexOf('-'));

function idsByPrefix({ call: _call, tenantId: _tenant, ...ids }: WholeNetwork): Map<string, string> {
  return new Map(Object.values(ids).map((id) => [prefixOf(id), id]));
}

/** All operations on tenants' networks, as the API describes itself. */
async function networkOperations(): Promise<Operation[]> {
  const document = (await fixture.api.caller(null)('GET', '/openapi.json')).body;
  return Object.entries(document.paths as Record<string, Record<string, never>>).flatMap(([path, methods]) =>
    Object.entries(methods)
      // biome-ignore lint/suspicious/noExplicitAny: the document is read as it comes
      .filter(([, operation]: [string, any]) => /^network:/.test(operation['x-permission'] ?? ''))
      // biome-ignore lint/suspicious/noExplicitAny: the document is read as it comes
      .map(([method, operation]: [string, any]) => {
        const parameters = (where: string): Record<string, Schema> =>
          Object.fromEntries(
            (operation.parameters as { name: string; in: string; schema: Schema }[])
              .filter((parameter) => parameter.in === where)
              .map(({ name, schema }) => [name, schema]),
          );
        const body: Schema | undefined = operation.requestBody?.content['application/json'].schema;
        return {
          method: method.toUpperCase(),
          path,
          pathParameters: parameters('path'),
          queryParameters: parameters('query'),
          requiredQuery: (operation.parameters as { name: string; in: string; required?: boolean }[])
            .filter((parameter) => parameter.in === 'query' && parameter.required)
            .map(({ name }) => name),
          body: body ?? null,
        };
      }),
  );
}

/** The prefix of the ids that a field takes, or null when it takes none. */
function idPrefix(schema: Schema): string | null {
  return /^\^([a-z-]+)-\[0-9a-f\]\{17\}\$$/.exec(schema.pattern ?? '')?.[1] ?? null;
}

function ownId(prefix: string, where: string): string {
  const id = own.get(prefix);
  if (!id) throw new Error(`${where} takes a ${prefix}-, and the fixture has none`);
  return id;
}

const missing = (prefix: string) => `${prefix}-${'f'.repeat(16)}0`;

function pathOf({ path, pathParameters }: Operation, replaced: Record<string, string> = {}): string {
  return path.replace(/\{(\w+)\}/g, (_all, name: string) => {
    const prefix = idPrefix(pathParameters[name]!);
    if (!prefix) throw new Error(`${path}: {${name}} takes no id`);
    return replaced[name] ?? ownId(prefix, `${path} {${name}}`);
  });
}

function queryOf({ requiredQuery }: Operation): string {
  return `?${requiredQuery.map((name) => `${name}=${encodeURIComponent(String(sample(name)))}`).join('&')}`;
}

function sample(name: string): unknown {
  if (!(name in SAMPLES)) throw new Error(`no sample of ${name}: add one to SAMPLES`);
  return SAMPLES[name];
}

/** A body with what is required, references to the caller's own. */
function bodyOf({ body, path }: Operation): Record<string, unknown> | undefined {
  if (!body) return undefined;
  return Object.fromEntries(
    (body.required ?? []).map((name) => {
      const prefix = idPrefix(body.properties![name]!);
      return [name, prefix ? ownId(prefix, `${path} ${name}`) : sample(name)];
    }),
  );
}

/** All of a reply that could tell one id from another. */
function told(reply: TestReply, id: string): string {
  const headers = Object.fromEntries([...reply.headers].filter(([name]) => !['x-request-id', 'date'].includes(name)));
  const text = JSON.stringify({ status: reply.status, headers, body: { ...reply.body, requestId: '' } });
  return text.replaceAll(id, '<id>');
}

async function expectSame(label: string, prefix: string, send: (id: string) => Promise<TestReply>): Promise<TestReply> {
  const theirs = foreign.get(prefix);
  if (!theirs) throw new Error(`${label} takes a ${prefix}-, and the fixture has none`);
  const replies = [await send(theirs), await send(missing(prefix))];
  expect([label, told(replies[0]!, theirs)]).toEqual([label, told(replies[1]!, missing(prefix))]);
  return replies[0]!;
}

describe('the id of another tenant is answered like one that does not exist', () => {
  it('in the path of every route', async () => {
    let tried = 0;
    for (const operation of operations) {
      for (const [name, schema] of Object.entries(operation.pathParameters)) {
        const label = `${operation.method} ${operation.path} {${name}}`;
        const prefix = idPrefix(schema);
        if (!prefix) throw new Error(`${label} takes no id`);
        const reply = await expectSame(label, prefix, (id) =>
          caller.call(operation.method, pathOf(operation, { [name]: id }) + queryOf(operation), bodyOf(operation)),
        );
        expect([label, reply.status, reply.body.code]).toEqual([label, 404, 'NotFound']);
        tried += 1;
      }
    }
    expect(tried).toBeGreaterThan(40);
  });

  it('in every field of every body', async () => {
    let tried = 0;
    for (const operation of operations.filter(({ body }) => body !== null)) {
      for (const [name, schema] of Object.entries(operation.body?.properties ?? {})) {
        const prefix = idPrefix(schema);
        if (!prefix) continue;
        const label = `${operation.method} ${operation.path} ${name}`;
        const reply = await expectSame(label, prefix, (id) =>
          caller.call(operation.method, pathOf(operation) + queryOf(operation), { ...bodyOf(operation), [name]: id }),
        );
        expect([label, reply.body.code]).toEqual([
          label,
          expect.stringMatching(/^(ReferenceNotFound|NotFound|GatewayNotAttached)$/),
        ]);
        tried += 1;
      }
    }
    expect(tried).toBeGreaterThan(15);
  });

  it('in every filter', async () => {
    let tried = 0;
    for (const operation of operations.filter(({ method }) => method === 'GET')) {
      for (const [name, schema] of Object.entries(operation.queryParameters)) {
        const prefix = idPrefix(schema);
        if (!prefix) continue;
        const label = `GET ${operation.path} ?${name}`;
        const reply = await expectSame(label, prefix, (id) => caller.call('GET', `${pathOf(operation)}?${name}=${id}`));
        expect([label, reply.body]).toEqual([label, { items: [], nextCursor: null }]);
        tried += 1;
      }
    }
    expect(tried).toBeGreaterThan(5);
  });

  it('while every read of what is one’s own succeeds, so that the above compares more than mistakes', async () => {
    for (const operation of operations.filter(({ method }) => method === 'GET')) {
      const reply = await caller.call('GET', pathOf(operation));
      expect([operation.path, reply.status]).toEqual([operation.path, 200]);
    }
  });
});
