import type { Resource, Verb } from './resource.js';
import { standard } from './resource.js';

const MIGRATION = '/v1/migrations/{migrationId}';
const DATASET = '/v1/datasets/{datasetId}';

const step = (name: string, about: string, dangerous = false): Verb => ({
  name,
  about,
  method: 'POST',
  path: `${MIGRATION}/${name}`,
  dangerous,
});

export const DATA: Resource[] = [
  standard({
    noun: 'dataset',
    one: 'a dataset',
    many: 'datasets',
    path: '/v1/datasets',
    id: 'datasetId',
    columns: ['id', 'name', 'state', 'manifestVersion', 'createdAt'],
    tagged: false,
    create: [{ name: 'name', about: 'of the dataset, unique in the tenant', required: true }],
    filters: [{ name: 'name', about: 'only the one of this name' }],
    further: [
      {
        name: 'manifest',
        about: 'read a committed version as its client signed it',
        method: 'GET',
        path: `${DATASET}/manifests/{manifestVersion}`,
      },
      {
        name: 'segments',
        about: 'list the segment records of a committed version',
        method: 'GET',
        path: `${DATASET}/manifests/{manifestVersion}/segments`,
        list: ['ordinal', 'record.id', 'record.kind', 'record.size', 'record.sha256'],
      },
      {
        name: 'restore-ticket',
        about: "get a short-lived ticket for a dataset's ciphertext",
        method: 'POST',
        path: `${DATASET}/restore-ticket`,
      },
    ],
  }),
  {
    noun: 'migration',
    aliases: ['migrations'],
    about: 'moves of data into datasets ("freehold migrate" does all of it)',
    verbs: [
      {
        name: 'create',
        about: 'announce a move of data into a dataset',
        method: 'POST',
        path: '/v1/migrations',
        body: [
          { name: 'datasetId', about: 'the dataset', required: true },
          { name: 'source', about: 'where the data comes from, for people' },
        ],
      },
      {
        name: 'list',
        aliases: ['ls'],
        about: 'list migrations',
        method: 'GET',
        path: '/v1/migrations',
        query: [{ name: 'datasetId', about: 'only those into this dataset' }],
        list: ['id', 'datasetId', 'state', 'source', 'scannedFiles', 'scannedBytes', 'manifestVersion', 'createdAt'],
      },
      { name: 'get', aliases: ['show'], about: 'read a migration and how far it is', method: 'GET', path: MIGRATION },
      step('start', 'start a migration: the source is being read'),
      step('pause', 'pause a migration'),
      step('resume', 'resume a paused migration where it was'),
      step('cancel', 'give a migration up', true),
    ],
  },
];
