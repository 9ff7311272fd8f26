import { createHmac } from 'node:crypto';
import { secretBytes } from './webhook-secret.js';

/** One message as it is sent: the id is the same in every attempt, the time is the attempt's. */
export interface SignedMessage {
  id: string;
  /** Unix seconds. */
  timestamp: number;
  body: Uint8Array;
}

/** The headers of Standard Webhooks, with a signature by each secret that is good now. */
export function signedHeaders(secrets: readonly string[], message: SignedMessage): Record<string, string> {
  return {
    'webhook-id': message.id,
    'webhook-timestamp': String(message.timestamp),
    'webhook-signature': secrets.map((secret) => signature(secret, message)).join(' '),
  };
}

function signature(secret: string, { id, timestamp, body }: SignedMessage): string {
  const hmac = createHmac('sha256', secretBytes(secret)).update(`${id}.${timestamp}.`).update(body);
  return `v1,${hmac.digest('base64')}`;
}
