import { until } from '../../../test/support/until.js';
import { WebhookReceiver } from '../../../test/support/webhook-receiver.js';
import { type StageTenant, WebhookStage } from './testing/webhook-stage.js';

let stage: WebhookStage;
const receivers: WebhookReceiver[] = [];

beforeAll(async () => {
  stage = await WebhookStage.open();
  await stage.startWorker();
});
afterEach(async () => {
  for (const receiver of receivers.splice(0)) await receiver.stop();
});
afterAll(() => stage?.close());

async function receiver(): Promise<WebhookReceiver> {
  const started = await WebhookReceiver.start();
  receivers.push(started);
  return started;
}

/** A tenant whose chain is published to its end, so that a webhook made now begins behind it. */
async function settledTenant(): Promise<StageTenant> {
  const tenant = await stage.tenant();
  const [last] = await tenant.entries(1);
  await stage.published(tenant, last!);
  return tenant;
}

const told = (hook: WebhookReceiver, entryId: string) =>
  until(`${entryId} is told of`, () => hook.received.some(({ message }) => message.data.id === entryId));

describe('deliveries of entries', () => {
  it('come in the order of the chain, each once, signed, as the read has them', async () => {
    const acme = await settledTenant();
    const hook = await receiver();
    const { id, secret } = await acme.webhook({ url: hook.url() });
    const ids = await acme.entries(12);
    await told(hook, ids.at(-1)!);
    const chain = await stage.chain(acme);
    const made = chain.findIndex(({ action }) => action === 'webhook.created');
    expect(hook.received.map(({ message }) => message.data.id)).toEqual(chain.slice(made).map((entry) => entry.id));
    for (const got of hook.received) {
      const entry = chain.find((one) => one.id === got.message.data.id);
      expect(hook.isSigned(got, secret)).toBe(true);
      expect(got.id).toBe(`${id}_entry_${entry.tenantSeq}`);
      expect(got.headers).toMatchObject({ 'content-type': 'application/json', host: `127.0.0.1:${hook.port}` });
      expect(got.message).toEqual({ type: 'ledger.entry', timestamp: expect.any(String), data: entry });
    }
    const { entrySeq, failures } = (await acme.read(id)).delivery;
    expect([entrySeq, failures]).toEqual([chain.at(-1).tenantSeq, 0]);
    const log = await acme.deliveries(id);
    expect(log.map(({ number }) => number)).toEqual(log.map((_, at) => log.length - at));
    expect(log[0]).toMatchObject({ event: 'ledger.entry', attempt: 1, status: 204, failure: null });
  });

  it('are of the tenant alone, and of the actions that were asked for', async () => {
    const acme = await settledTenant();
    const globex = await settledTenant();
    const [narrow, other] = [await receiver(), await receiver()];
    const { id } = await acme.webhook({ url: narrow.url(), actionPrefixes: ['tenant.', 'vpc.'] });
    await globex.webhook({ url: other.url() });
    await acme.entries(3);
    const vpc = await acme.call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' });
    const [last] = await acme.entries(1);
    const seq = await stage.published(acme, last!);
    await told(narrow, vpc.body.ledgerEntryId);
    await until('what is not wanted is passed', async () => (await acme.read(id)).delivery.entrySeq === seq);
    expect(narrow.received.map(({ message }) => message.data.action)).toEqual(['vpc.created']);
    const [theirs] = await globex.entries(1);
    await told(other, theirs!);
    expect(other.received.map(({ message }) => message.data.action)).toEqual(['webhook.created', 'user.created']);
  });

  it('are signed with both secrets while they overlap', async () => {
    const acme = await settledTenant();
    const hook = await receiver();
    const { id, secret } = await acme.webhook({ url: hook.url() });
    const rotate = async (overlapHours: number) =>
      (await acme.call('POST', `/v1/webhooks/${id}/rotate-secret`, { overlapHours })).body.secret as string;
    const second = await rotate(1);
    const [entry] = await acme.entries(1);
    await told(hook, entry!);
    const both = hook.received.at(-1)!;
    expect([secret, second].map((one) => hook.isSigned(both, one))).toEqual([true, true]);
    const third = await rotate(0);
    const [next] = await acme.entries(1);
    await told(hook, next!);
    const alone = hook.received.at(-1)!;
    expect([secret, second, third].map((one) => hook.isSigned(alone, one))).toEqual([false, false, true]);
  });

  it('of checkpoints are of the newest, after the entries that it covers', async () => {
    const acme = await settledTenant();
    const hook = await receiver();
    await acme.webhook({ url: hook.url(), events: ['ledger.checkpoint', 'ledger.entry'] });
    const [entry] = await acme.entries(1);
    await told(hook, entry!);
    const { index } = (await acme.call('GET', `/v1/ledger/entries/${entry}`)).body;
    const covering = () =>
      hook.received.findIndex(({ message }) => message.type === 'ledger.checkpoint' && message.data.size > index);
    await until('its checkpoint is told of', () => covering() >= 0);
    expect(covering()).toBeGreaterThan(hook.received.findIndex(({ message }) => message.data.id === entry));
    const { message, id } = hook.received[covering()]!;
    expect(message.data).toEqual({ size: message.data.size, root: expect.any(String), checkpoint: expect.any(String) });
    expect(message.data.checkpoint.split('\n')[1]).toBe(String(message.data.size));
    expect(id).toMatch(new RegExp(`_checkpoint_${message.data.size}$`));
    const sizes = hook.received
      .filter((one) => one.message.type === 'ledger.checkpoint')
      .map((one) => one.message.data.size);
    expect(sizes).toEqual([...new Set(sizes)].sort((a, b) => a - b));
  });
});

describe('a receiver that fails', () => {
  it('is tried again with the same message and the same id until it takes it, and loses nothing', async () => {
    const acme = await settledTenant();
    const hook = await receiver();
    let calls = 0;
    hook.answer = (_got, response) => {
      calls += 1;
      response.writeHead(calls <= 3 ? 500 : 200).end();
    };
    const { id, secret } = await acme.webhook({ url: hook.url() });
    const ids = await acme.entries(2);
    await told(hook, ids.at(-1)!);
    const [first, ...more] = hook.ids;
    expect(more.slice(0, 3)).toEqual([first, first, first]);
    expect(new Set(hook.ids).size).toBe(3);
    expect(hook.received.every((got) => hook.isSigned(got, secret))).toBe(true);
    await until('it is done', async () => (await acme.read(id)).delivery.failures === 0);
    const log = (await acme.deliveries(id)).reverse();
    expect(log.slice(0, 4).map(({ attempt, failure, status }) => [attempt, failure, status])).toEqual([
      [1, 'status', 500],
      [2, 'status', 500],
      [3, 'status', 500],
      [4, null, 200],
    ]);
  });

  it('waits as long as it asks for, and not at all when it is changed', async () => {
    const acme = await settledTenant();
    const [hook, better] = [await receiver(), await receiver()];
    hook.answer = (_got, response) => void response.writeHead(503, { 'retry-after': '3600' }).end();
    const { id } = await acme.webhook({ url: hook.url() });
    await until('it has failed', async () => (await acme.read(id)).delivery.failures === 1);
    const { nextAttemptAt, failingSince } = (await acme.read(id)).delivery;
    expect(Date.parse(nextAttemptAt) - Date.parse(failingSince)).toBeGreaterThanOrEqual(3_599_000);
    await acme.call('PATCH', `/v1/webhooks/${id}`, { url: better.url() });
    await until('the other takes it', () => better.received.length > 0);
    expect(better.ids[0]).toBe(hook.ids[0]);
  });

  it('that says 410 is disabled at once, with a reason and an entry, and goes on where it was', async () => {
    const acme = await settledTenant();
    const hook = await receiver();
    hook.answer = 410;
    const { id } = await acme.webhook({ url: hook.url() });
    await until('it is disabled', async () => (await acme.read(id)).enabled === false);
    expect(await acme.read(id)).toMatchObject({ disabledReason: 'gone', version: 2 });
    const ids = await acme.entries(1);
    await stage.published(acme, ids[0]!);
    const entry = (await stage.chain(acme)).find(({ action }) => action === 'webhook.disabled');
    expect(entry).toMatchObject({
      actor: { type: 'system', id: 'webhook-worker' },
      resource: { type: 'webhook', id, version: 2 },
      before: { enabled: true },
      after: { enabled: false, disabledReason: 'gone' },
    });
    expect(hook.received).toHaveLength(1);
    hook.answer = 200;
    expect((await acme.call('PATCH', `/v1/webhooks/${id}`, { enabled: true })).body.disabledReason).toBeNull();
    await told(hook, ids[0]!);
    expect(hook.ids[1]).toBe(hook.ids[0]);
    expect(hook.sequences.slice(1)).toEqual([...hook.sequences.slice(1)].sort((a, b) => a - b));
  });

  it('for too long is disabled, and says why', async () => {
    const acme = await settledTenant();
    const hook = await receiver();
    hook.answer = 500;
    const { id } = await acme.webhook({ url: hook.url() });
    await until('it fails', async () => (await acme.read(id)).delivery.failures > 0);
    await stage.admin.query(
      "UPDATE webhook_progress SET failing_since = now() - interval '73 hours', next_attempt_at = NULL WHERE webhook_id = $1",
      [id],
    );
    await until('it is disabled', async () => (await acme.read(id)).enabled === false);
    expect(await acme.read(id)).toMatchObject({ disabledReason: 'failing' });
  });

  it('by a redirect, by silence or by being away is told apart in the log of deliveries', async () => {
    const acme = await settledTenant();
    const hook = await receiver();
    const elsewhere = await receiver();
    hook.answer = (_got, response) => void response.writeHead(302, { location: elsewhere.url() }).end();
    const { id } = await acme.webhook({ url: hook.url() });
    const classes = async () => new Set((await acme.deliveries(id)).map(({ failure }) => failure));
    await until('a redirect', async () => (await classes()).has('redirect'));
    hook.answer = (_got, response) => response.destroy();
    await until('a cut', async () => (await classes()).has('protocol'));
    await hook.stop();
    receivers.splice(receivers.indexOf(hook), 1);
    await until('nobody there', async () => (await classes()).has('connect'));
    expect(elsewhere.received).toEqual([]);
  });

  it('and is slow harms no other: neither of its tenant nor of another', async () => {
    const acme = await settledTenant();
    const globex = await settledTenant();
    const slow = await receiver();
    const held: (() => void)[] = [];
    slow.answer = (_got, response) => void held.push(() => response.writeHead(204).end());
    // More than are served at once for one tenant.
    for (let at = 0; at < 6; at += 1) await acme.webhook({ url: slow.url() });
    await until('four are being served', () => slow.received.length === 4);
    const quick = await receiver();
    await globex.webhook({ url: quick.url() });
    const [entry] = await globex.entries(1);
    await told(quick, entry!);
    expect(slow.received).toHaveLength(4);
    slow.answer = 204;
    for (const release of held) release();
    await until('all six are served', () => new Set(slow.ids.map((id) => id.split('_')[0])).size === 6);
  });
});

describe('what is asked of a webhook', () => {
  it('a test is sent once, also while it is disabled, and does not count as a failure', async () => {
    const acme = await settledTenant();
    const hook = await receiver();
    hook.answer = 500;
    const { id, secret } = await acme.webhook({ url: hook.url(), enabled: false });
    const tested = await acme.call('POST', `/v1/webhooks/${id}/test`);
    expect(tested).toMatchObject({ status: 202, body: { messageId: expect.stringContaining(`${id}_test_`) } });
    await until('it was tried', async () => (await acme.deliveries(id)).length === 1);
    expect(hook.received).toMatchObject([{ id: tested.body.messageId, message: { type: 'webhook.test' } }]);
    expect(hook.isSigned(hook.received[0]!, secret)).toBe(true);
    expect((await acme.deliveries(id))[0]).toMatchObject({ event: 'webhook.test', status: 500, failure: 'status' });
    expect((await acme.read(id)).delivery).toMatchObject({ failures: 0, failingSince: null });
    expect(hook.received).toHaveLength(1);
  });

  it('a replay delivers again from an entry on, with the ids of before, or leaves out what waits', async () => {
    const acme = await settledTenant();
    const hook = await receiver();
    const { id } = await acme.webhook({ url: hook.url() });
    const ids = await acme.entries(4);
    await told(hook, ids.at(-1)!);
    const before = [...hook.ids];
    const from = hook.sequences[2]!;
    hook.received.splice(0);
    const replayed = await acme.call('POST', `/v1/webhooks/${id}/replay`, { fromSeq: from });
    expect(replayed).toMatchObject({ status: 202, body: { ledgerEntryId: expect.any(String), version: 1 } });
    await told(hook, replayed.body.ledgerEntryId);
    expect(hook.ids.slice(0, -1)).toEqual(before.slice(2));
    hook.answer = 500;
    const [skipped] = await acme.entries(1);
    const seq = await stage.published(acme, skipped!);
    await until('it fails', async () => (await acme.read(id)).delivery.failures > 0);
    await acme.call('POST', `/v1/webhooks/${id}/replay`, { fromSeq: seq + 1 });
    hook.received.splice(0);
    hook.answer = 204;
    const [next] = await acme.entries(1);
    await told(hook, next!);
    expect(hook.received.some(({ message }) => message.data.id === skipped)).toBe(false);
  });

  it('an event that is added begins when it is added', async () => {
    const acme = await settledTenant();
    const hook = await receiver();
    const { id } = await acme.webhook({ url: hook.url(), events: ['ledger.checkpoint'] });
    const [early] = await acme.entries(1);
    await stage.published(acme, early!);
    await acme.call('PATCH', `/v1/webhooks/${id}`, { events: ['ledger.entry', 'ledger.checkpoint'] });
    const [late] = await acme.entries(1);
    await told(hook, late!);
    expect(hook.received.some(({ message }) => message.data.id === early)).toBe(false);
  });

  it('a deleted one, and one of a suspended tenant, is told of nothing more', async () => {
    const acme = await settledTenant();
    const globex = await settledTenant();
    const [gone, still, resting] = [await receiver(), await receiver(), await receiver()];
    const { id } = await acme.webhook({ url: gone.url() });
    await acme.webhook({ url: still.url() });
    await globex.webhook({ url: resting.url() });
    const [first] = await acme.entries(1);
    await told(gone, first!);
    const [theirs] = await globex.entries(1);
    await told(resting, theirs!);
    await acme.call('DELETE', `/v1/webhooks/${id}`);
    gone.received.splice(0);
    const suspended = await stage.api.operator('POST', `/v1/system/tenants/${globex.id}/suspend`);
    const [second] = await acme.entries(1);
    await told(still, second!);
    expect(gone.received).toEqual([]);
    expect(suspended.status).toBe(200);
    const quiet = resting.received.length;
    const [third] = await acme.entries(1);
    await told(still, third!);
    expect(resting.received).toHaveLength(quiet);
    await stage.api.operator('POST', `/v1/system/tenants/${globex.id}/resume`);
    await until('it goes on', () => resting.received.some(({ message }) => message.data.action === 'tenant.resumed'));
    expect(resting.sequences).toEqual([...new Set(resting.sequences)].sort((a, b) => a - b));
  });
});
