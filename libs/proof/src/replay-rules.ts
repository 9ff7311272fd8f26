import type { JsonValue } from '#kernel';
import type { LedgerBody } from './ledger-body.js';

/**
 * What an entry does to a resource where that is more than "after takes the place of before" (docs/formats/ledger-body-v1.md,
 * "Replay"). Declared here and nowhere else: whoever folds entries into states reads this table, and nothing in the code
 * that writes entries says it again.
 */

export interface ResourceRule {
  /**
   * How the versions of one resource follow each other. `consecutive`: 1, 2, 3, ... ; `steady`: as those, but not every entry
   * raises them; `ascending`: changes of what belongs to it raise them too, without an entry of its own; `none`: they say
   * nothing.
   */
  versions: 'consecutive' | 'steady' | 'ascending' | 'none';
  /** There from the beginning, in a state by default that no entry gave it. */
  implicit?: true;
  /** The same id can come again after it went: the id is made of what the resource is. */
  comesAgain?: true;
  /** The state that stands for not being there. */
  absent?: JsonValue;
  /** Members that could move on without an entry in histories before they were recorded. */
  unrecorded?: readonly string[];
  /** Members that older entries do not have. */
  added?: readonly string[];
  /** Members that only these actions set; in other entries they are what the writer saw, and nothing more. */
  setBy?: Readonly<Record<string, readonly string[]>>;
  /** What takes it along when it goes. `of` gives the id of that owner. */
  goesWith?: readonly Owner[];
}

export interface Owner {
  type: string;
  /** The action that takes it along, where it is not the owner's deletion. */
  on?: string;
  of: (resource: { id: string; state: JsonValue }, body: LedgerBody) => string | undefined;
}

const PLAIN: ResourceRule = { versions: 'consecutive' };

const inTheId = (resource: { id: string }) => resource.id.split('/', 1)[0];
const member = (name: string) => (resource: { state: JsonValue }) => {
  const value = (resource.state as Record<string, JsonValue> | null)?.[name];
  return typeof value === 'string' ? value : undefined;
};

/** Types that are not here have consecutive versions and nothing special. */
export const RESOURCE_RULES: Readonly<Record<string, ResourceRule>> = {
  'api-key': {
    versions: 'consecutive',
    goesWith: [
      { type: 'user', of: member('userId') },
      // Of the chain's own tenant: the operator's keys do not go with a tenant that the operator deletes.
      { type: 'tenant', of: (_key, body) => body.tenant },
    ],
  },
  quota: { versions: 'none', implicit: true },
  // Each is a resource of its own, whose entry starts from the key before it.
  'log-key': { versions: 'ascending', implicit: true },
  'route-table': { versions: 'ascending', goesWith: [{ type: 'vpc', of: member('vpcId') }] },
  // Their versions are those of their table, which raises its own for other reasons as well.
  route: { versions: 'ascending', comesAgain: true, goesWith: [{ type: 'route-table', of: inTheId }] },
  'route-propagation': {
    versions: 'ascending',
    comesAgain: true,
    absent: { enabled: false },
    goesWith: [{ type: 'route-table', of: inTheId }],
  },
  'vpn-connection': {
    versions: 'consecutive',
    // The operator moves the end of a tunnel while the tenant may be changing the connection.
    setBy: { gatewayEndpoint: ['vpn-connection.created', 'vpn-connection.endpoint-moved'] },
  },
  // It can be used without being changed.
  webhook: { versions: 'steady' },
  dataset: { versions: 'ascending', added: ['manifestVersion'] },
  migration: {
    versions: 'ascending',
    unrecorded: ['state', 'manifestVersion'],
    goesWith: [{ type: 'dataset', on: 'dataset.removed', of: member('datasetId') }],
  },
};

/** Actions whose before and after are members of the resource's state, and not all of it. Nothing when it is gone already. */
const PARTIAL: readonly string[] = ['vpn-connection.endpoint-moved'];

/** The action of the entry that says that another one was erased. */
export const ERASED_ACTION = 'ledger-entry.erased';

export function ruleOf(type: string): ResourceRule {
  return Object.hasOwn(RESOURCE_RULES, type) ? (RESOURCE_RULES[type] as ResourceRule) : PLAIN;
}

/** Entries that tell of something that happened and leave every state as it is: all of class audit, and those without a state. */
export function isEvent({ class: entryClass, before, after }: LedgerBody): boolean {
  return entryClass === 'audit' || (before === null && after === null);
}

export function isPartial({ action }: LedgerBody): boolean {
  return PARTIAL.includes(action);
}
