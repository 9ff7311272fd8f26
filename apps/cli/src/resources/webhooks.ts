import { type Field, type Resource, standard } from './resource.js';

/** `--url` is the API's. */
const TARGET: Field = { name: 'url', option: 'target-url', about: 'https://..., on a public host' };
const EVENTS: Field = {
  name: 'events',
  option: 'event',
  about: 'ledger.entry or ledger.checkpoint; may be repeated',
  kind: 'list',
};
const PREFIXES: Field = {
  name: 'actionPrefixes',
  option: 'action-prefix',
  about: 'only entries whose action starts so, such as subnet.; may be repeated',
  kind: 'list',
};
const DESCRIPTION: Field = { name: 'description', about: 'what it is for', nullable: true };
const ENABLED: Field = { name: 'enabled', about: 'whether it is told of anything', kind: 'boolean' };
const WEBHOOK = '/v1/webhooks/{webhookId}';

export const WEBHOOKS: Resource[] = [
  standard({
    noun: 'webhook',
    one: 'a webhook',
    many: 'webhooks: where to tell of what is new in the ledger',
    path: '/v1/webhooks',
    id: 'webhookId',
    columns: [
      'id',
      'url',
      'events',
      'enabled',
      'disabledReason',
      'delivery.entrySeq',
      'delivery.failures',
      'description',
    ],
    tagged: false,
    create: [{ ...TARGET, required: true }, EVENTS, PREFIXES, DESCRIPTION, ENABLED],
    update: [TARGET, EVENTS, PREFIXES, DESCRIPTION, ENABLED],
    further: [
      {
        name: 'rotate-secret',
        about: 'give it a new secret, which is shown once',
        method: 'POST',
        path: `${WEBHOOK}/rotate-secret`,
        body: [
          { name: 'overlapHours', about: 'for so long the secret of before is good as well (24)', kind: 'integer' },
        ],
      },
      { name: 'test', about: 'send it a test message, once', method: 'POST', path: `${WEBHOOK}/test` },
      {
        name: 'replay',
        about: 'deliver again from an entry on',
        method: 'POST',
        path: `${WEBHOOK}/replay`,
        body: [
          {
            name: 'fromSeq',
            about:
              "the entry's number in the tenant's chain; one behind the newest leaves out what is not delivered yet",
            kind: 'integer',
            required: true,
          },
        ],
      },
      {
        name: 'deliveries',
        about: 'its last attempts, the newest first',
        method: 'GET',
        path: `${WEBHOOK}/deliveries`,
        list: ['number', 'attemptedAt', 'event', 'messageId', 'attempt', 'status', 'failure', 'durationMs'],
      },
    ],
  }),
];
