import { join } from 'node:path';
import { projectRoot } from './project-root.js';
import {
  addressList,
  chainFinality,
  cidrList,
  commandLine,
  host,
  nameList,
  oneOf,
  path,
  port,
  quorum,
  type SettingKind,
  url,
  wholeNumber,
  witnessList,
  yesOrNo,
} from './setting-kinds.js';

/** The heading under which a setting is documented. */
export type SettingGroup = 'Where things are' | 'Addresses' | 'Services outside' | 'Keys' | 'Ledger' | 'Running';

/** Values read so far, in the order of the list: a default may depend on those before it. */
type Earlier = Record<string, unknown>;

/** One setting, described in this one place: loading, documentation and redaction all come from here. */
export interface Setting<T = unknown> {
  variable: string;
  group: SettingGroup;
  kind: SettingKind<T>;
  /** A sentence for the table of settings. */
  description: string;
  /** The value when the variable is absent or empty. Absent itself: the setting is optional. */
  fallback?: (earlier: Earlier) => T;
  /** The default as the documentation shows it. */
  fallbackText: string;
  /** A value that would be accepted, for error messages and .env.example. */
  example: string;
  /** True when the value may hold a credential: it is shown nowhere. */
  secret?: boolean;
}

type Required<T> = Setting<T> & { fallback: (earlier: Earlier) => T };

function required<T>(setting: Required<T>): Required<T> {
  return setting;
}

function optional<T>(setting: Omit<Setting<T>, 'fallback' | 'fallbackText'> & { fallbackText?: string }): Setting<T> {
  return { ...setting, fallbackText: setting.fallbackText ?? 'not set' };
}

function portSetting(variable: string, number: number, description: string): Required<number> {
  return required({
    variable,
    group: 'Addresses',
    kind: port,
    description,
    fallback: () => number,
    fallbackText: `${number}`,
    example: `${number}`,
  });
}

function hostSetting(variable: string, what: string): Required<string> {
  return required({
    variable,
    group: 'Addresses',
    kind: host,
    description: `The address on which ${what} listens. \`0.0.0.0\` makes it reachable from outside.`,
    fallback: () => '127.0.0.1',
    fallbackText: '127.0.0.1',
    example: '0.0.0.0',
  });
}

function millisecondsSetting(
  group: SettingGroup,
  variable: string,
  [min, fallback, max]: [min: number, fallback: number, max: number],
  description: string,
): Required<number> {
  return required({
    variable,
    group,
    kind: wholeNumber(min, max),
    description,
    fallback: () => fallback,
    fallbackText: `${fallback}`,
    example: `${fallback}`,
  });
}

/** `http://host:port`, with the brackets that an IPv6 address needs. A listener on every address is reached on loopback. */
export function httpUrl(hostName: string, portNumber: number): string {
  const reachable = hostName === '0.0.0.0' ? '127.0.0.1' : hostName === '::' ? '::1' : hostName;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${portNumber}`;
}

const inDataDir = (name: string) => (earlier: Earlier) => join(earlier.dataDir as string, name);

export const settingsList = {
  dataDir: required({
    variable: 'FREEHOLD_DATA_DIR',
    group: 'Where things are',
    kind: path,
    description:
      'The folder of everything that an embedded Freehold keeps: the database, keys, logs and state. Back it up as a whole.',
    fallback: () => join(projectRoot(), '.freehold'),
    fallbackText: '`.freehold` in the project folder',
    example: '/var/lib/freehold',
  }),
  stagingDir: required({
    variable: 'FREEHOLD_STAGING_DIR',
    group: 'Where things are',
    kind: path,
    description:
      'Where uploaded ciphertext waits for its placement. The data process and the workers must see the same folder.',
    fallback: inDataDir('staging'),
    fallbackText: '`<data dir>/staging`',
    example: '/var/lib/freehold/staging',
  }),
  ledgerHeadFile: required({
    variable: 'FREEHOLD_LEDGER_HEAD_FILE',
    group: 'Where things are',
    kind: path,
    description:
      "The last signed head of the ledger, kept outside the database so that a restored older copy is noticed. Put it where the database's backups do not reach.",
    fallback: inDataDir('ledger-head.json'),
    fallbackText: '`<data dir>/ledger-head.json`',
    example: '/var/lib/freehold/ledger-head.json',
  }),
  apiHost: hostSetting('FREEHOLD_API_HOST', 'the API'),
  apiPort: portSetting('FREEHOLD_API_PORT', 7070, 'The port of the API.'),
  apiUrl: required({
    variable: 'FREEHOLD_API_URL',
    group: 'Addresses',
    kind: url('http', 'https'),
    description: 'The URL under which callers reach the API, when a proxy stands before it.',
    fallback: ({ apiHost, apiPort }) => httpUrl(apiHost as string, apiPort as number),
    fallbackText: '`http://<api host>:<api port>`',
    example: 'https://cloud.example.com',
  }),
  dataHost: hostSetting('FREEHOLD_DATA_HOST', 'the data process'),
  dataPort: portSetting('FREEHOLD_DATA_PORT', 7071, 'The port of the data process, which takes and gives ciphertext.'),
  dataUrl: required({
    variable: 'FREEHOLD_DATA_URL',
    group: 'Addresses',
    kind: url('http', 'https'),
    description: 'The URL under which clients reach the data process; it is written into upload tickets.',
    fallback: ({ dataHost, dataPort }) => httpUrl(dataHost as string, dataPort as number),
    fallbackText: '`http://<data host>:<data port>`',
    example: 'https://data.cloud.example.com',
  }),
  workerHost: hostSetting('FREEHOLD_WORKER_HOST', "the worker's health and metrics endpoint"),
  workerPort: portSetting('FREEHOLD_WORKER_PORT', 7072, "The port of the worker's health and metrics endpoint."),
  databaseUrl: optional({
    variable: 'DATABASE_URL',
    group: 'Services outside',
    kind: url('postgres', 'postgresql'),
    description:
      'A PostgreSQL to use in place of the embedded one. Alone, it must be a login that may create roles; beside the two below, it is the login of `freehold_owner`, which runs the migrations.',
    fallbackText: 'the embedded PostgreSQL',
    example: 'postgres://admin:secret@db.example.com:5432/freehold',
    secret: true,
  }),
  databaseApiUrl: optional({
    variable: 'DATABASE_API_URL',
    group: 'Services outside',
    kind: url('postgres', 'postgresql'),
    description: 'The login of `freehold_api`, bound to one tenant at a time by row level security.',
    fallbackText: 'made from `DATABASE_URL`',
    example: 'postgres://freehold_api:secret@db.example.com:5432/freehold',
    secret: true,
  }),
  databaseSystemUrl: optional({
    variable: 'DATABASE_SYSTEM_URL',
    group: 'Services outside',
    kind: url('postgres', 'postgresql'),
    description: 'The login of `freehold_system`, which the workers use.',
    fallbackText: 'made from `DATABASE_URL`',
    example: 'postgres://freehold_system:secret@db.example.com:5432/freehold',
    secret: true,
  }),
  databasePoolSize: required({
    variable: 'FREEHOLD_DATABASE_POOL_SIZE',
    group: 'Services outside',
    kind: wholeNumber(2, 200),
    description: 'The most database connections one process opens.',
    fallback: () => 16,
    fallbackText: '16',
    example: '16',
  }),
  redisUrl: optional({
    variable: 'REDIS_URL',
    group: 'Services outside',
    kind: url('redis', 'rediss'),
    description: 'A Redis (or compatible) for the job queue; it must not evict (`maxmemory-policy noeviction`).',
    fallbackText: 'the queue lives in PostgreSQL',
    example: 'redis://127.0.0.1:6379',
    secret: true,
  }),
  chainUrl: optional({
    variable: 'CHAIN_URL',
    group: 'Services outside',
    kind: url('http', 'https'),
    description: 'The JSON-RPC endpoint of the EVM chain that anchors the ledger.',
    fallbackText: 'a local development chain, which adds no independent trust',
    example: 'https://qbft.example.com:8545',
    secret: true,
  }),
  chainFinality: required({
    variable: 'FREEHOLD_CHAIN_FINALITY',
    group: 'Services outside',
    kind: chainFinality,
    description:
      "When an anchor counts as final: after its block on a development (`dev`) or QBFT chain, at the chain's own `finalized` tag, or that many blocks deep.",
    fallback: ({ chainUrl }) => (chainUrl === undefined ? { kind: 'dev' as const } : { kind: 'finalized' as const }),
    fallbackText: '`finalized` with `CHAIN_URL`, else `dev`',
    example: 'depth:12',
  }),
  kekFile: required({
    variable: 'FREEHOLD_KEK_FILE',
    group: 'Keys',
    kind: path,
    description:
      "The key-encryption key that seals the service's keys. Made on the first start, readable by its owner only. Without it nothing can be signed again: keep a copy elsewhere.",
    fallback: inDataDir('kek'),
    fallbackText: '`<data dir>/kek`',
    example: '/etc/freehold/kek',
  }),
  kekCommand: optional({
    variable: 'FREEHOLD_KEK_COMMAND',
    group: 'Keys',
    kind: commandLine,
    description: 'A program that wraps and unwraps keys (a KMS client), used in place of the file.',
    example: '/usr/local/bin/kms-wrap --key freehold',
  }),
  anchorIntervalMs: millisecondsSetting(
    'Ledger',
    'FREEHOLD_ANCHOR_INTERVAL_MS',
    [100, 10_000, 86_400_000],
    'The shortest time between two anchors, in milliseconds. Nothing is sent when nothing is new.',
  ),
  anchorImmediateIntervalMs: millisecondsSetting(
    'Ledger',
    'FREEHOLD_ANCHOR_IMMEDIATE_INTERVAL_MS',
    [100, 1_000, 86_400_000],
    'The shortest time between two anchors of which one was asked for at once (`anchor=immediate`), in milliseconds: however many ask, no more transactions are paid for.',
  ),
  anchorPromiseSeconds: required({
    variable: 'FREEHOLD_ANCHOR_PROMISE_SECONDS',
    group: 'Ledger',
    kind: wholeNumber(0, 31_536_000),
    description:
      'How long the operator promises, signed, to take for anchoring a published checkpoint, in seconds. A signer whose promise is broken is disabled in the contract for ever: allow for the longest outage of the chain. At least twice the anchoring interval; 0 promises nothing.',
    fallback: () => 86_400,
    fallbackText: '86400',
    example: '86400',
  }),
  sequencerIntervalMs: millisecondsSetting(
    'Ledger',
    'FREEHOLD_SEQUENCER_INTERVAL_MS',
    [5, 50, 60_000],
    'How often committed entries are put into the log and its head is signed, in milliseconds; after 256 entries in one turn the next begins at once. Up to 100, a head is sealed within 200 ms.',
  ),
  promiseSeconds: required({
    variable: 'FREEHOLD_PROMISE_SECONDS',
    group: 'Ledger',
    kind: wholeNumber(1, 86_400),
    description: 'The deadline, in seconds, that the service promises for a change to be in the log.',
    fallback: () => 60,
    fallbackText: '60',
    example: '60',
  }),
  anchorSigners: required({
    variable: 'FREEHOLD_ANCHOR_SIGNERS',
    group: 'Ledger',
    kind: quorum,
    description: 'How many operator signatures of how many an anchor takes.',
    fallback: () => ({ required: 1, total: 1 }),
    fallbackText: '1/1',
    example: '2/3',
  }),
  witnesses: required({
    variable: 'FREEHOLD_WITNESSES',
    group: 'Ledger',
    kind: witnessList,
    description:
      'Witnesses that cosign the checkpoints of the log (c2sp.org/tlog-witness): `<vkey> <url>` for each, with commas between, or the path of a file with one to a line. See docs/witness.md.',
    fallback: () => [],
    fallbackText: 'none',
    example: 'witness.example/w1+9f7de85d+BD+22At/6JG+9SgpmG5mqL6r0FwdQwHcEpnZPGpvRU+/ http://127.0.0.1:7080',
  }),
  witnessThreshold: required({
    variable: 'FREEHOLD_WITNESS_THRESHOLD',
    group: 'Ledger',
    kind: wholeNumber(1, 32),
    description: 'How many of the witnesses must have cosigned a checkpoint for it to count as witnessed.',
    fallback: ({ witnesses }) => {
      const { length } = witnesses as readonly unknown[];
      return length === 0 ? 0 : Math.floor(length / 2) + 1;
    },
    fallbackText: 'more than half of them',
    example: '1',
  }),
  witnessRequired: required({
    variable: 'FREEHOLD_WITNESS_REQUIRED',
    group: 'Ledger',
    kind: yesOrNo,
    description:
      'Whether a checkpoint is published only once so many have cosigned it. Without them nothing is published then; changes are still taken, and their promises run.',
    fallback: () => false,
    fallbackText: 'false',
    example: 'false',
  }),
  witnessTimeoutMs: millisecondsSetting(
    'Ledger',
    'FREEHOLD_WITNESS_TIMEOUT_MS',
    [100, 5_000, 60_000],
    'How long a witness has for its answer, in milliseconds.',
  ),
  zones: required({
    variable: 'FREEHOLD_ZONES',
    group: 'Running',
    kind: nameList,
    description: 'The zones that subnets can be in: parts of the data centre that fail apart from each other.',
    fallback: () => ['zone-1', 'zone-2', 'zone-3'],
    fallbackText: 'zone-1,zone-2,zone-3',
    example: 'north,south',
  }),
  rateLimit: required({
    variable: 'FREEHOLD_RATE_LIMIT',
    group: 'Running',
    kind: wholeNumber(0, 100_000_000),
    description:
      'Requests that one API key may send in a minute; 0 is no limit. Each API process counts alone: behind a balancer, n processes together admit up to n times as many.',
    fallback: () => 60_000,
    fallbackText: '60000',
    example: '60000',
  }),
  streamsPerClient: required({
    variable: 'FREEHOLD_STREAMS_PER_CLIENT',
    group: 'Running',
    kind: wholeNumber(1, 100_000),
    description:
      'Streams of new ledger entries that one tenant, and of new checkpoints that one client network, may hold open in one API process. Behind a proxy, all strangers are one network.',
    fallback: () => 32,
    fallbackText: '32',
    example: '32',
  }),
  streamCheckMs: millisecondsSetting(
    'Running',
    'FREEHOLD_STREAM_CHECK_MS',
    [50, 5_000, 60_000],
    'How often it is asked whether the API key behind an open stream still works, in milliseconds.',
  ),
  egressAllow: required({
    variable: 'FREEHOLD_EGRESS_ALLOW',
    group: 'Running',
    kind: cidrList,
    description:
      'Networks that webhooks may reach though they are not public. Whatever listens there can be posted to by every tenant.',
    fallback: () => [],
    fallbackText: 'none',
    example: '10.20.0.0/16',
  }),
  egressHttp: required({
    variable: 'FREEHOLD_EGRESS_HTTP',
    group: 'Running',
    kind: oneOf('refuse', 'allow'),
    description:
      'Whether webhooks may be plain HTTP. For development: what is sent can be read and changed on its way.',
    fallback: () => 'refuse' as const,
    fallbackText: 'refuse',
    example: 'allow',
  }),
  egressDns: required({
    variable: 'FREEHOLD_EGRESS_DNS',
    group: 'Running',
    kind: addressList,
    description:
      "The DNS servers that are asked for the names of webhooks' hosts. One that does not know the operator's own zones tells tenants nothing of them.",
    fallback: () => [],
    fallbackText: 'those of the system',
    example: '192.0.2.53,[2001:db8::53]:5353',
  }),
  signatureMaxAgeSeconds: required({
    variable: 'FREEHOLD_SIGNATURE_MAX_AGE_SECONDS',
    group: 'Running',
    kind: wholeNumber(1, 3600),
    description: 'How old the signature of a request may be when it arrives. Within that time its nonce is remembered.',
    fallback: () => 300,
    fallbackText: '300',
    example: '300',
  }),
  signatureMaxSkewSeconds: required({
    variable: 'FREEHOLD_SIGNATURE_MAX_SKEW_SECONDS',
    group: 'Running',
    kind: wholeNumber(0, 3600),
    description: 'How far ahead of ours the clock of who signs a request may be.',
    fallback: () => 30,
    fallbackText: '30',
    example: '30',
  }),
  webhookTimeoutMs: millisecondsSetting(
    'Running',
    'FREEHOLD_WEBHOOK_TIMEOUT_MS',
    [100, 10_000, 60_000],
    'How long a receiver of a webhook may take to answer, in milliseconds.',
  ),
  webhookRetryMs: millisecondsSetting(
    'Running',
    'FREEHOLD_WEBHOOK_RETRY_MS',
    [10, 5_000, 3_600_000],
    'The pause before a failed delivery is tried again, in milliseconds; it doubles with each failure, up to four hours.',
  ),
  webhookGiveUpHours: required({
    variable: 'FREEHOLD_WEBHOOK_GIVE_UP_HOURS',
    group: 'Running',
    kind: wholeNumber(1, 720),
    description: 'A webhook to which nothing could be delivered for so long is disabled.',
    fallback: () => 72,
    fallbackText: '72',
    example: '72',
  }),
  logLevel: required({
    variable: 'FREEHOLD_LOG_LEVEL',
    group: 'Running',
    kind: oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    description: 'The least severe log line that is written.',
    fallback: () => 'info' as const,
    fallbackText: 'info',
    example: 'debug',
  }),
} satisfies Record<string, Setting<never> | Setting<string> | Setting<unknown>>;

/**
 * Variables with our prefix that are read by others than the services: the command line client, and the tests. They are
 * known here so that having one set is not taken for a misspelt setting.
 */
export const clientVariables: Record<string, string> = {
  FREEHOLD_URL: 'The API that the `freehold` command talks to.',
  FREEHOLD_API_KEY: 'The API key that the `freehold` command sends.',
  FREEHOLD_PROFILE: "The profile of the `freehold` command's configuration file.",
  FREEHOLD_CONFIG: "The `freehold` command's configuration file.",
  FREEHOLD_SIGNING_KEY: 'The file of the signing key with which the `freehold` command signs changes.',
};

export const TEST_PREFIX = 'FREEHOLD_TEST_';
