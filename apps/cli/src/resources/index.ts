import { DATA } from './data.js';
import { IDENTITY } from './identity.js';
import { LEDGER } from './ledger.js';
import { NETWORK } from './network.js';
import { OPERATIONS } from './operations.js';
import { OPERATOR } from './operator.js';
import type { Resource } from './resource.js';
import { WEBHOOKS } from './webhooks.js';

/** Everything that the API has, in the order of the help. */
export const RESOURCES: Resource[] = [
  ...IDENTITY,
  ...NETWORK,
  ...DATA,
  ...OPERATIONS,
  ...LEDGER,
  ...WEBHOOKS,
  ...OPERATOR,
];
