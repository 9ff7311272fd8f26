import type { ServerResponse } from 'node:http';
import { until } from '../../../test/support/until.js';
import { WebhookReceiver } from '../../../test/support/webhook-receiver.js';
import { WebhookStage } from './testing/webhook-stage.js';

let stage: WebhookStage;
let hook: WebhookReceiver;

beforeAll(async () => {
  stage = await WebhookStage.open();
});
beforeEach(async () => {
  hook = await WebhookReceiver.start();
});
afterEach(() => hook.stop());
afterAll(() => stage?.close());

/** Holds every request until it is answered by hand. */
function holding(): ServerResponse[] {
  const held: ServerResponse[] = [];
  hook.answer = (_got, response) => void held.push(response);
  return held;
}

describe('two workers', () => {
  it('never serve one webhook at once: its messages come one after the other, in order, each once', async () => {
    const workers = [await stage.startWorker(), await stage.startWorker()];
    const acme = await stage.tenant();
    let under = 0;
    let most = 0;
    hook.answer = (_got, response) => {
      under += 1;
      most = Math.max(most, under);
      setImmediate(() => {
        under -= 1;
        response.writeHead(204).end();
      });
    };
    const { id } = await acme.webhook({ url: hook.url() });
    const ids: string[] = [];
    for (let at = 0; at < 8; at += 1) ids.push(...(await acme.entries(5)));
    await until('all are told of', () => hook.received.some(({ message }) => message.data.id === ids.at(-1)));
    expect(most).toBe(1);
    expect(hook.sequences).toEqual(hook.sequences.map((_, at) => hook.sequences[0]! + at));
    expect(hook.sequences.length).toBeGreaterThan(ids.length);
    await until('the last is recorded', async () => (await acme.read(id)).delivery.entrySeq === hook.sequences.at(-1));
    for (const worker of workers) await worker.stop();
  });

  it('of which one slept beyond its lease: the message comes again under its id, and the sleeper records nothing', async () => {
    const acme = await stage.tenant();
    const held = holding();
    const sleeper = await stage.startWorker();
    const { id } = await acme.webhook({ url: hook.url() });
    await until('the first message is under way', () => held.length === 1);
    await stage.admin.query(
      "UPDATE webhook_progress SET lease_until = now() - interval '1 second' WHERE webhook_id = $1",
      [id],
    );
    const other = await stage.startWorker();
    const taking = other.deliver(`${acme.id}/${id}`);
    await until('the other sends it again', () => held.length === 2);
    expect(hook.ids[1]).toBe(hook.ids[0]);
    const before = (await acme.read(id)).delivery;
    // The sleeper's delivery succeeds, and counts for nothing: the webhook is not its any more.
    held[0]!.writeHead(204).end();
    hook.answer = 204;
    await sleeper.stop();
    expect((await acme.read(id)).delivery).toEqual(before);
    expect(await acme.deliveries(id)).toEqual([]);
    held[1]!.writeHead(204).end();
    await taking;
    await until('it is recorded once', async () => (await acme.deliveries(id)).length >= 1);
    expect((await acme.deliveries(id)).filter(({ messageId }) => messageId === hook.ids[0])).toHaveLength(1);
    await other.stop();
  });

  it('one may not take what the other holds', async () => {
    const acme = await stage.tenant();
    const held = holding();
    const [first, second] = [await stage.startWorker(), await stage.startWorker()];
    const { id } = await acme.webhook({ url: hook.url() });
    await until('the first message is under way', () => held.length === 1);
    await Promise.all([first, second].map((worker) => worker.deliver(`${acme.id}/${id}`)));
    expect(held).toHaveLength(1);
    hook.answer = 204;
    held[0]!.writeHead(204).end();
    await until('it goes on', async () => (await acme.read(id)).delivery.failures === 0 && hook.received.length >= 1);
    for (const worker of [first, second]) await worker.stop();
  });
});

describe('a change while a message is under way', () => {
  it('of the place to go on at is not undone by that message', async () => {
    const acme = await stage.tenant();
    const worker = await stage.startWorker();
    const { id } = await acme.webhook({ url: hook.url() });
    const ids = await acme.entries(3);
    await until('all are told of', () => hook.received.some(({ message }) => message.data.id === ids.at(-1)));
    const first = hook.sequences[0]!;
    const held = holding();
    await acme.entries(1);
    await until('the next is under way', () => held.length === 1);
    hook.received.splice(0);
    expect((await acme.call('POST', `/v1/webhooks/${id}/replay`, { fromSeq: first })).status).toBe(202);
    hook.answer = 204;
    held[0]!.writeHead(204).end();
    await until('it begins anew', () => hook.sequences[0] === first);
    await worker.stop();
  });

  it('a worker that ends gives the webhook back, and the message comes again', async () => {
    const acme = await stage.tenant();
    const held = holding();
    const worker = await stage.startWorker();
    const { id } = await acme.webhook({ url: hook.url() });
    await until('a message is under way', () => held.length === 1);
    const stopping = worker.stop();
    // Jobs may end by themselves when a process is to stop; this one would not.
    held[0]!.destroy();
    await stopping;
    const { rows } = await stage.admin.query('SELECT lease_until FROM webhook_progress WHERE webhook_id = $1', [id]);
    expect(rows).toEqual([{ lease_until: null }]);
    hook.answer = 204;
    const next = await stage.startWorker();
    await until('it comes again', () => hook.received.length >= 2);
    expect(hook.ids[1]).toBe(hook.ids[0]);
    await next.stop();
  });
});

describe('an entry that is erased while it waits', () => {
  it('is told of in its turn, without anything that it said, also in a replay', async () => {
    const acme = await stage.tenant();
    const worker = await stage.startWorker();
    hook.answer = 503;
    const { id } = await acme.webhook({ url: hook.url() });
    const CANARY = 'Zaphod Beeblebrox';
    const user = await acme.call('POST', '/v1/users', { name: CANARY, roles: ['viewer'] });
    const entry = user.body.ledgerEntryId;
    const seq = await stage.published(acme, entry);
    await until('the webhook fails', async () => (await acme.read(id)).delivery.failures > 0);
    const erased = await acme.call('POST', `/v1/ledger/entries/${entry}/erasures`, {
      scope: 'body',
      reason: 'the user asked to be forgotten',
    });
    expect(erased.status).toBe(201);
    hook.answer = 204;
    await until('it is told of', () => hook.sequences.includes(seq));
    await acme.call('POST', `/v1/webhooks/${id}/replay`, { fromSeq: seq });
    const count = () => hook.sequences.filter((one) => one === seq).length;
    await until('it is told of again', () => count() >= 2);
    for (const { message, body } of hook.received) {
      if (message.data.tenantSeq === seq) expect(message.data).toMatchObject({ id: entry, body: null, after: null });
      expect(body).not.toContain(CANARY);
    }
    await worker.stop();
  });
});
