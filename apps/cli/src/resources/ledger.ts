import type { Field, Resource } from './resource.js';

const ORDER: Field = { name: 'order', about: 'oldest-first or newest-first' };

/** Receipts and bundles are files, and what is new is a stream: commands of their own (commands/ledger-files.ts, follow.ts). */
export const LEDGER: Resource[] = [
  {
    noun: 'ledger',
    aliases: ['ledger-entry'],
    about: "the tenant's ledger: every change that was ever made",
    verbs: [
      {
        name: 'list',
        aliases: ['ls', 'entries'],
        about: "list the tenant's ledger entries, in the order of its chain",
        method: 'GET',
        path: '/v1/ledger/entries',
        query: [
          { name: 'resourceId', about: 'only entries about this resource' },
          { name: 'resourceType', about: 'only entries about resources of this type' },
          { name: 'scopeId', about: 'only entries of this VPC and what is in it, or of this dataset' },
          { name: 'actorId', about: 'only what this user did' },
          { name: 'action', about: 'only this action, or all that start so: subnet.*' },
          { name: 'from', about: 'only what happened at this time or later (RFC 3339)' },
          { name: 'to', about: 'only what happened before this time' },
          { name: 'fromIndex', about: 'only entries of the log from this index on', kind: 'integer' },
          { name: 'toIndex', about: 'only entries of the log before this index', kind: 'integer' },
          ORDER,
          { name: 'includePending', about: 'also entries that are not in the log yet', kind: 'boolean' },
        ],
        list: ['tenantSeq', 'id', 'time', 'action', 'resource.id', 'actor.id', 'state'],
      },
      {
        name: 'get',
        aliases: ['show'],
        about: 'read a ledger entry',
        method: 'GET',
        path: '/v1/ledger/entries/{entryId}',
      },
      {
        name: 'erase',
        about: 'erase what a ledger entry says, for good; the log stays verifiable, and the erasure is an entry itself',
        method: 'POST',
        path: '/v1/ledger/entries/{entryId}/erasures',
        body: [
          {
            name: 'scope',
            about: 'body: everything that the entry says; evidence: the signed request behind it',
            required: true,
          },
          { name: 'reason', about: 'why, for your own auditors; it stays', required: true },
        ],
        dangerous: true,
      },
    ],
  },
  {
    noun: 'anchor',
    aliases: ['anchors'],
    about: 'heads of the log in transactions of a chain',
    verbs: [
      {
        name: 'list',
        aliases: ['ls'],
        about: 'list the anchors of the log',
        method: 'GET',
        path: '/v1/ledger/anchors',
        query: [{ name: 'state', about: 'only anchors in this state: pending, sent, final' }, ORDER],
        list: ['id', 'state', 'size', 'chainId', 'blockNumber', 'txHash', 'independentTrust', 'finalAt'],
      },
      { name: 'get', aliases: ['show'], about: 'read an anchor', method: 'GET', path: '/v1/ledger/anchors/{anchorId}' },
      {
        name: 'proof',
        about: "what proves an anchor offline: the contract's storage in the state of its block",
        method: 'GET',
        path: '/v1/ledger/anchors/{anchorId}/proof',
      },
      {
        name: 'promise',
        about: "a signer's promise that the head which covers a leaf will be anchored, while it is not",
        method: 'GET',
        path: '/v1/ledger/anchor-promise',
        query: [{ name: 'index', about: 'index of the leaf', kind: 'integer' }],
      },
    ],
  },
  {
    noun: 'log',
    about: 'the open log, which needs no account',
    verbs: [
      {
        name: 'show',
        aliases: ['get'],
        about: 'its name, its key and how far it has come',
        method: 'GET',
        path: '/v1/log',
      },
      {
        name: 'statistics',
        about: 'its growth by the hour, its anchors and witnesses',
        method: 'GET',
        path: '/v1/log/statistics',
        query: [{ name: 'hours', about: 'how many hours back', kind: 'integer' }],
      },
      {
        name: 'checkpoint',
        about: 'the newest signed checkpoint',
        method: 'GET',
        path: '/v1/log/checkpoint',
        raw: true,
      },
      {
        name: 'witnessed',
        about: 'the newest checkpoint that enough witnesses cosigned',
        method: 'GET',
        path: '/v1/log/checkpoint/witnessed',
        raw: true,
      },
      {
        name: 'witnesses',
        about: 'who watches the log, and how far each has cosigned it',
        method: 'GET',
        path: '/v1/log/witnesses',
      },
      {
        name: 'witness-states',
        about: 'for the operator: where the witnesses answer, and why one does not cosign',
        method: 'GET',
        path: '/v1/system/witnesses',
      },
      {
        name: 'keys',
        about: 'its keys: which checkpoints each signs, and the links from the first to the newest',
        method: 'GET',
        path: '/v1/log/keys',
      },
      {
        name: 'rotate-key',
        about: 'for the operator: change the key of the log; the old key endorses the new one',
        method: 'POST',
        path: '/v1/system/log/keys',
      },
      {
        name: 'proof',
        about: 'the proof that an entry is in the log (c2sp.org/tlog-proof), by its index',
        method: 'GET',
        path: '/v1/log/proof/{index}',
        raw: true,
      },
      {
        name: 'consistency',
        about: 'the proof that a larger tree of the log begins with a smaller one',
        method: 'GET',
        path: '/v1/log/consistency',
        query: [
          { name: 'from', about: 'size of the smaller tree', kind: 'integer', required: true },
          { name: 'to', about: 'size of the larger one; the newest unless given', kind: 'integer' },
        ],
      },
      {
        name: 'leaves',
        about: 'leaves of the log',
        method: 'GET',
        path: '/v1/log/leaves',
        query: [
          { name: 'from', about: 'index of the first', kind: 'integer' },
          { name: 'limit', about: 'how many at most', kind: 'integer' },
        ],
      },
      {
        name: 'tile',
        about: 'a tile of hashes (0/000), or a bundle of entries (entries/000), as c2sp.org/tlog-tiles names them',
        method: 'GET',
        path: '/v1/log/tile/{*}',
        raw: true,
      },
    ],
  },
];
