import type { Resource } from './resource.js';

const progress = ({ done, total, unit }: { done: number; total: number | null; unit: string }) =>
  `${done}${total === null ? '' : ` of ${total}`} ${unit}`;

/** `operation watch` is a stream and a command of its own (commands/operation-watch.ts). */
export const OPERATIONS: Resource[] = [
  {
    noun: 'operation',
    aliases: ['operations'],
    about: 'what takes its time: how far it is, and how it ended',
    verbs: [
      {
        name: 'list',
        aliases: ['ls'],
        about: 'list operations',
        method: 'GET',
        path: '/v1/operations',
        query: [
          { name: 'resourceId', about: 'only those on this resource' },
          { name: 'state', about: 'only those in this state: running, succeeded, failed, cancelled' },
        ],
        list: [
          ...['id', 'kind', 'resource.id', 'state'],
          { title: 'progress', of: (row) => progress(row.progress) },
          ...['startedAt', 'finishedAt'],
        ],
      },
      {
        name: 'get',
        aliases: ['show'],
        about: 'read an operation',
        method: 'GET',
        path: '/v1/operations/{operationId}',
      },
    ],
  },
];
