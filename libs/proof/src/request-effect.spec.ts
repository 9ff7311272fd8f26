import { readFileSync } from 'node:fs';
import { EFFECT_RULES } from './effect-rules.js';
import { checkEffect, encodeEvidence, type LedgerBody, nodeCrypto, SignedRequestUse, verifyEvidence } from './index.js';
import { SampleActor } from './testing/sample-actor.js';

const actor = new SampleActor();
const id = (prefix: string, number = 1) => `${prefix}-${`${number}`.padStart(17, '0')}`;

function entry(action: string, resource: [string, string], before: unknown, after: unknown): LedgerBody {
  return {
    v: 1,
    id: id('led'),
    tenant: id('tnt'),
    class: 'configuration',
    action,
    actor: { type: 'user', id: actor.userId },
    keyId: id('key'),
    resource: { type: resource[0], id: resource[1], version: 1 },
    before,
    after,
    requestId: id('req'),
    time: new Date(1_800_000_005_000).toISOString(),
    vouched: { mode: 'signed', keyId: actor.keyId, evidence: 'ab'.repeat(32) },
  } as LedgerBody;
}

async function factsOf(method: string, path: string, body?: unknown, query = '?') {
  const evidence = actor.evidence({
    method,
    path,
    query,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return verifyEvidence(nodeCrypto, encodeEvidence(evidence), actor.publicKey);
}

const vpc = { name: 'main', cidrBlocks: ['10.0.0.0/16'], mainRouteTableId: id('rtb'), tags: {} };
const subnet = {
  vpcId: id('vpc'),
  name: 'a',
  zone: 'zone-1',
  cidrBlock: '10.0.1.0/24',
  ipv6CidrBlock: '2001:db8::/64',
  tags: { env: 'test', team: 'net' },
};
const gateway = { vpcId: null, name: null, tags: {} };
const create = {
  vpcId: id('vpc'),
  cidrBlock: '10.0.1.0/24',
  ipv6CidrBlock: '2001:db8::/64',
  tags: { team: 'net', env: 'test' },
};

type Request = Parameters<typeof factsOf>;
const matching: [string, Request, LedgerBody][] = [
  [
    'a creation, its values in their normal form',
    ['POST', '/v1/subnets', create],
    entry('subnet.created', ['subnet', id('subnet')], null, subnet),
  ],
  [
    'a VPC',
    ['POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16', name: 'main' }],
    entry('vpc.created', ['vpc', id('vpc')], null, vpc),
  ],
  [
    'what goes along with it',
    ['POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' }],
    entry('route-table.created', ['route-table', id('rtb')], null, {}),
  ],
  [
    'what a subnet takes along',
    ['DELETE', `/v1/subnets/${id('subnet')}`],
    entry('route-table-association.deleted', ['route-table-association', id('rtba')], { subnetId: id('subnet') }, null),
  ],
  [
    'a change of one member',
    ['PATCH', `/v1/subnets/${id('subnet')}`, { name: null }],
    entry('subnet.updated', ['subnet', id('subnet')], subnet, { ...subnet, name: null }),
  ],
  [
    'a deletion',
    ['DELETE', `/v1/subnets/${id('subnet')}`],
    entry('subnet.deleted', ['subnet', id('subnet')], subnet, null),
  ],
  [
    'a block that comes',
    ['POST', `/v1/vpcs/${id('vpc')}/cidr-blocks`, { cidrBlock: '10.1.0.0/16' }],
    entry('vpc.cidr-block-added', ['vpc', id('vpc')], vpc, { ...vpc, cidrBlocks: ['10.0.0.0/16', '10.1.0.0/16'] }),
  ],
  [
    'a block that goes',
    ['DELETE', `/v1/vpcs/${id('vpc')}/cidr-blocks/${id('vpc-cidr-assoc')}`],
    entry('vpc.cidr-block-removed', ['vpc', id('vpc')], { ...vpc, cidrBlocks: ['10.0.0.0/16', '10.1.0.0/16'] }, vpc),
  ],
  [
    'a route',
    ['POST', `/v1/route-tables/${id('rtb')}/routes`, { destinationCidrBlock: '0.0.0.0/0', natGatewayId: id('nat') }],
    entry('route.created', ['route', `${id('rtb')}/0.0.0.0/0`], null, {
      routeTableId: id('rtb'),
      destination: '0.0.0.0/0',
      target: { kind: 'nat-gateway', id: id('nat') },
    }),
  ],
  [
    'a route that goes',
    ['DELETE', `/v1/route-tables/${id('rtb')}/routes`, undefined, '?destinationCidrBlock=0.0.0.0%2F0'],
    entry('route.deleted', ['route', `${id('rtb')}/0.0.0.0/0`], {}, null),
  ],
  [
    'a detachment',
    ['POST', `/v1/internet-gateways/${id('igw')}/detach`, { vpcId: id('vpc') }],
    entry('internet-gateway.detached', ['internet-gateway', id('igw')], { ...gateway, vpcId: id('vpc') }, gateway),
  ],
  [
    'a webhook, its URL in one spelling',
    ['POST', '/v1/webhooks', { url: 'HTTPS://Hooks.Example:443', events: ['ledger.entry'] }],
    entry('webhook.created', ['webhook', id('whk')], null, {
      url: 'https://hooks.example/',
      events: ['ledger.entry'],
      enabled: true,
    }),
  ],
  [
    'a replay of a webhook',
    ['POST', `/v1/webhooks/${id('whk')}/replay`, { fromSeq: 7 }],
    entry('webhook.replayed', ['webhook', id('whk')], null, { fromSeq: 7 }),
  ],
  [
    'a quota',
    ['PUT', `/v1/system/tenants/${id('tnt')}/quotas/vpcs`, { allowed: 9 }],
    entry('quota.set', ['quota', `${id('tnt')}/vpcs`], { quota: 'vpcs', allowed: 5 }, { quota: 'vpcs', allowed: 9 }),
  ],
  [
    'a time in another form',
    ['POST', '/v1/api-keys', { userId: id('usr'), name: 'x', expiresAt: '2027-01-31T00:00:00Z' }],
    entry('api-key.created', ['api-key', id('key')], null, {
      userId: id('usr'),
      name: 'x',
      scopes: null,
      expiresAt: '2027-01-31T00:00:00.000Z',
      revokedAt: null,
    }),
  ],
];

const refused: [string, Request, LedgerBody][] = [
  [
    'another value',
    ['POST', '/v1/subnets', create],
    entry('subnet.created', ['subnet', id('subnet')], null, { ...subnet, cidrBlock: '10.0.2.0/24' }),
  ],
  [
    'another resource',
    ['DELETE', `/v1/subnets/${id('subnet')}`],
    entry('subnet.deleted', ['subnet', id('subnet', 2)], subnet, null),
  ],
  ['another action', ['DELETE', `/v1/subnets/${id('subnet')}`], entry('vpc.deleted', ['vpc', id('vpc')], vpc, null)],
  ['another type', ['POST', '/v1/subnets', create], entry('subnet.created', ['vpc', id('vpc')], null, subnet)],
  [
    'a change that nobody asked for',
    ['PATCH', `/v1/subnets/${id('subnet')}`, { name: 'b' }],
    entry('subnet.updated', ['subnet', id('subnet')], subnet, { ...subnet, name: 'b', tags: {} }),
  ],
  [
    'a member that nobody asked for',
    ['PATCH', `/v1/subnets/${id('subnet')}`, { name: 'b' }],
    entry('subnet.updated', ['subnet', id('subnet')], subnet, { ...subnet, name: 'b', extra: 1 }),
  ],
  [
    'a deletion that did not happen',
    ['DELETE', `/v1/subnets/${id('subnet')}`],
    entry('subnet.deleted', ['subnet', id('subnet')], subnet, subnet),
  ],
  [
    'a creation of what was there',
    ['POST', '/v1/subnets', create],
    entry('subnet.created', ['subnet', id('subnet')], subnet, subnet),
  ],
  [
    'two blocks where one was asked for',
    ['POST', `/v1/vpcs/${id('vpc')}/cidr-blocks`, { cidrBlock: '10.1.0.0/16' }],
    entry('vpc.cidr-block-added', ['vpc', id('vpc')], vpc, {
      ...vpc,
      cidrBlocks: ['10.0.0.0/16', '10.1.0.0/16', '10.2.0.0/16'],
    }),
  ],
  [
    'another target',
    ['POST', `/v1/route-tables/${id('rtb')}/routes`, { destinationCidrBlock: '0.0.0.0/0', natGatewayId: id('nat') }],
    entry('route.created', ['route', `${id('rtb')}/0.0.0.0/0`], null, {
      routeTableId: id('rtb'),
      destination: '0.0.0.0/0',
      target: { kind: 'internet-gateway', id: id('nat') },
    }),
  ],
  [
    'a constant that is another',
    ['POST', `/v1/system/tenants/${id('tnt')}/suspend`],
    entry('tenant.suspended', ['tenant', id('tnt')], { suspended: true }, { suspended: false }),
  ],
  [
    'what was only to be tried',
    ['DELETE', `/v1/subnets/${id('subnet')}`, undefined, '?dryRun=true'],
    entry('subnet.deleted', ['subnet', id('subnet')], subnet, null),
  ],
  [
    'a change of what should have come with it',
    ['POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' }],
    entry('route-table.created', ['route-table', id('rtb')], { name: 'a' }, { name: 'b' }),
  ],
  [
    'the end of what should have come with it',
    ['POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' }],
    entry('route-table.created', ['route-table', id('rtb')], null, null),
  ],
  [
    'the end of an association of another subnet',
    ['DELETE', `/v1/subnets/${id('subnet')}`],
    entry(
      'route-table-association.deleted',
      ['route-table-association', id('rtba')],
      { subnetId: id('subnet', 2) },
      null,
    ),
  ],
  [
    'what records nothing',
    ['PUT', `/v1/migrations/${id('mig')}/manifest`, {}],
    entry('migration.committed', ['migration', id('mig')], null, {}),
  ],
  [
    'a route that there is not',
    ['POST', '/v1/nothing'],
    entry('subnet.deleted', ['subnet', id('subnet')], subnet, null),
  ],
  [
    'content that is no JSON',
    ['POST', '/v1/subnets', 3],
    entry('subnet.created', ['subnet', id('subnet')], null, subnet),
  ],
  [
    'a request of long ago',
    ['DELETE', `/v1/subnets/${id('subnet')}`],
    { ...entry('subnet.deleted', ['subnet', id('subnet')], subnet, null), time: '2020-01-01T00:00:00.000Z' },
  ],
  [
    'an entry that nobody signed',
    ['DELETE', `/v1/subnets/${id('subnet')}`],
    { ...entry('subnet.deleted', ['subnet', id('subnet')], subnet, null), vouched: { mode: 'custodial' } },
  ],
];

describe('the effect of a signed request', () => {
  it.each(matching)('is %s', async (_what, request, body) => {
    expect(checkEffect(await factsOf(...request), body)).toMatchObject({ matches: true });
  });

  it.each(refused)('is not %s', async (_what, request, body) => {
    expect(checkEffect(await factsOf(...request), body)).toMatchObject({ matches: false });
  });

  it('of a request whose content is withheld is held against the path alone, and says so', async () => {
    const evidence = actor.evidence({ method: 'POST', path: '/v1/system/tenants', body: '{"viewKey":"secret"}' });
    const document = encodeEvidence({ ...evidence, content: null });
    const facts = await verifyEvidence(nodeCrypto, document, actor.publicKey);
    const effect = checkEffect(facts, entry('tenant.created', ['tenant', id('tnt')], null, { name: 'x' }));
    expect(effect).toMatchObject({ matches: true, detail: expect.stringContaining('withheld') });
  });

  it('is none of a request whose content is no secret and yet is not shown: it could have asked for anything', async () => {
    const evidence = actor.evidence({ method: 'POST', path: '/v1/subnets', body: JSON.stringify(create) });
    const facts = await verifyEvidence(nodeCrypto, encodeEvidence({ ...evidence, content: null }), actor.publicKey);
    const other = { ...subnet, cidrBlock: '10.0.99.0/24' };
    const effect = checkEffect(facts, entry('subnet.created', ['subnet', id('subnet')], null, other));
    expect(effect).toMatchObject({ matches: false, detail: expect.stringContaining('does not show the content') });
  });

  it('of a request whose signed content is empty does not take it for withheld', async () => {
    const { content: _empty, ...evidence } = actor.evidence({
      method: 'DELETE',
      path: `/v1/subnets/${id('subnet')}`,
      body: '',
    });
    const facts = await verifyEvidence(nodeCrypto, encodeEvidence({ ...evidence, content: null }), actor.publicKey);
    expect(facts.bodyWithheld).toBe(false);
    const effect = checkEffect(facts, entry('subnet.deleted', ['subnet', id('subnet')], subnet, null));
    expect(effect).toMatchObject({ matches: true });
  });

  it('has a rule for every change of the API', () => {
    const text = readFileSync(new URL('../../../docs/openapi.json', import.meta.url), 'utf8');
    const { paths } = JSON.parse(text) as { paths: Record<string, Record<string, { parameters: { name: string }[] }>> };
    const changes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods)
        .filter(([, { parameters }]) => parameters.some(({ name }) => name === 'Idempotency-Key'))
        .map(([method]) => `${method.toUpperCase()} ${path}`),
    );
    expect(EFFECT_RULES.map(({ route }) => route).sort()).toEqual(changes.sort());
  });
});

describe('a signed request', () => {
  it('is carried out once', async () => {
    const facts = await factsOf('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' });
    const made = entry('vpc.created', ['vpc', id('vpc')], null, vpc);
    const use = new SignedRequestUse();
    use.note(facts, made);
    use.note(facts, entry('route-table.created', ['route-table', id('rtb')], null, {}));
    expect(() => use.note(facts, { ...made, id: id('led', 2) })).toThrow(/carried out by led-0{16}1 before/);
    const second = entry('route-table.created', ['route-table', id('rtb', 2)], null, {});
    expect(() => use.note(facts, second)).toThrow(/carried out by led-0{16}1 before/);
    expect(() => use.note(facts, { ...made, requestId: id('req', 2) })).toThrow(/was used by the request/);
    const resalted = { ...made, vouched: { ...made.vouched, evidence: 'cd'.repeat(32) } } as LedgerBody;
    expect(() => use.note(facts, resalted)).toThrow(/was used by the request/);
    use.note({ ...facts, nonce: 'another' }, resalted);
    expect(() => use.note(facts, { ...made, vouched: { mode: 'custodial' } })).toThrow(/nobody signed/);
  });
});
