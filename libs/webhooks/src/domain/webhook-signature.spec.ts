import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { newWebhookSecret, secretBytes } from './webhook-secret.js';
import { signedHeaders } from './webhook-signature.js';

interface Vector {
  secret: string;
  id: string;
  timestamp: number;
  body: string;
  signature: string;
}

const published = new URL('../../../../test/conformance/webhooks/standard-webhooks.json', import.meta.url);
const { vectors } = JSON.parse(readFileSync(published, 'utf8')) as { vectors: Vector[] };

describe('the headers of a message', () => {
  it.each(vectors)('are those of the published vector $id', ({ secret, signature, body, ...message }) => {
    expect(signedHeaders([secret], { ...message, body: Buffer.from(body) })).toEqual({
      'webhook-id': message.id,
      'webhook-timestamp': String(message.timestamp),
      'webhook-signature': signature,
    });
  });

  it("verify with Standard Webhooks' own library under each secret that signed, and under no other", () => {
    const timestamp = Math.floor(Date.now() / 1000);
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9_-]{1,40}$/), fc.json(), (id, text) => {
        const [current, previous, other] = [newWebhookSecret(), newWebhookSecret(), newWebhookSecret()];
        const headers = signedHeaders([current, previous], { id, timestamp, body: Buffer.from(text) });
        for (const secret of [current, previous]) {
          expect(JSON.stringify(new Webhook(secret).verify(text, headers))).toBe(JSON.stringify(JSON.parse(text)));
        }
        expect(() => new Webhook(other).verify(text, headers)).toThrow();
        expect(() => new Webhook(current).verify(`${text} `, headers)).toThrow();
        expect(() => new Webhook(current).verify(text, { ...headers, 'webhook-id': `${id}x` })).toThrow();
      }),
      { numRuns: 30 },
    );
  });
});

describe('the example of the documentation', () => {
  it('takes our messages, and no others', async () => {
    const page = readFileSync(new URL('../../../../docs/events-and-webhooks.md', import.meta.url), 'utf8');
    const [, code = ''] = /```js\n(.*?)```/s.exec(page) ?? [];
    const { verifyWebhook } = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as {
      verifyWebhook(secret: string, headers: Record<string, string>, body: string): unknown;
    };
    const [current, previous] = [newWebhookSecret(), newWebhookSecret()];
    const message = (age = 0) => ({
      id: 'a',
      timestamp: Math.floor(Date.now() / 1000) - age,
      body: Buffer.from('{"type":"webhook.test"}'),
    });
    const headers = signedHeaders([current, previous], message());
    for (const secret of [current, previous]) {
      expect(verifyWebhook(secret, headers, '{"type":"webhook.test"}')).toEqual({ type: 'webhook.test' });
    }
    expect(() => verifyWebhook(current, headers, '{"type":"another"}')).toThrow(/not signed/);
    expect(() => verifyWebhook(newWebhookSecret(), headers, '{"type":"webhook.test"}')).toThrow(/not signed/);
    const old = signedHeaders([current], message(301));
    expect(() => verifyWebhook(current, old, '{"type":"webhook.test"}')).toThrow(/too old/);
    expect(() => verifyWebhook(current, { ...headers, 'webhook-timestamp': 'x' }, '{}')).toThrow(/too old/);
  });
});

describe('a secret', () => {
  it('is 32 bytes, another each time', () => {
    const secrets = Array.from({ length: 50 }, newWebhookSecret);
    expect(new Set(secrets).size).toBe(50);
    for (const secret of secrets) expect([secret.slice(0, 6), secretBytes(secret).length]).toEqual(['whsec_', 32]);
  });
});
