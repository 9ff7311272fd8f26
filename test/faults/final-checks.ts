import pg from 'pg';
import { AnchorChain, finalityOf, type Hex } from '#chain';
import {
  fromHex,
  parseCheckpoint,
  parseVkey,
  TileTree,
  TreeHasher,
  tilePath,
  utf8,
  verifyConsistency,
  verifyNote,
} from '#merkle';
import { nodeCrypto, verifyBundle, verifyReceipt } from '#proof';
import { until } from '../support/until.js';
import { ApiClient } from './api-client.js';
import type { ChangeLoad, Expected, LoadTenant } from './change-load.js';
import type { LogWatcher } from './log-watcher.js';
import type { MovingClient } from './moving-client.js';
import type { RealStack } from './real-stack.js';

/** One thing that must hold, and whether it does. */
export interface Finding {
  what: string;
  ok: boolean;
  detail: string;
}

export interface Remains {
  stack: RealStack;
  changes: ChangeLoad;
  moving: MovingClient;
  watcher: LogWatcher;
}

const SETTLED_WITHIN_MS = 180_000;
const RECEIPTS_AT_ONCE = 8;
/** Of what is wrong, so much is told. */
const MOST_TOLD = 5;

/** A tenant's chain, the operator's being one, as its owner can check it. */
interface Chain {
  name: string;
  client: ApiClient;
  viewKey: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: entries as the API gives them
  entries: any[];
}

/** Everything that must hold once the load has ended, whatever was killed meanwhile. */
export async function checkEverything(remains: Remains): Promise<Finding[]> {
  const { stack, changes, moving, watcher } = remains;
  const database = new pg.Client({ connectionString: stack.systemUrl() });
  await database.connect();
  try {
    const chains = chainsOf(stack, changes);
    const findings = [await finding('all is settled', () => settled(database, chains))];
    const check = async (what: string, work: () => Promise<[string[], string]>) => {
      findings.push(await finding(what, work));
    };
    await check('no answer contradicts another', async () => [changes.complaints, `${changes.acknowledged} changes`]);
    await check('no acknowledged change is lost, none is twice there', () => resourcesAsExpected(changes));
    await check('each key happened once', () => keysHappenedOnce(database, changes, chains));
    await check('each entry has its place in its chain', async () => placesInChains(chains));
    await check('each receipt verifies, with an anchor', () => receiptsVerify(chains, watcher));
    await check("each tenant's bundle is complete", () => bundlesVerify(chains, watcher));
    await check('the log has one history', () => oneHistory(stack, watcher));
    await check('the chain holds each anchor', () => anchorsOnChain(stack));
    await check('every VPC is realised', () => vpcsRealised(database, changes));
    await check('moved data comes back byte for byte', () => movedDataComesBack(moving));
    return findings;
  } finally {
    await database.end();
  }
}

async function finding(what: string, work: () => Promise<[string[], string]>): Promise<Finding> {
  try {
    const [wrong, detail] = await work();
    const told = wrong.slice(0, MOST_TOLD).join('; ') + (wrong.length > MOST_TOLD ? `; ${wrong.length} in all` : '');
    return { what, ok: wrong.length === 0, detail: wrong.length === 0 ? detail : told };
  } catch (error) {
    return { what, ok: false, detail: (error as Error).stack ?? (error as Error).message };
  }
}

function chainsOf(stack: RealStack, changes: ChangeLoad): Chain[] {
  const operator = new ApiClient(stack.apiUrls, stack.operatorKey);
  return [
    { name: 'the operator', client: operator, viewKey: stack.operatorViewKey, entries: [] },
    ...changes.tenants.map(({ id, client, viewKey }) => ({ name: id, client, viewKey, entries: [] })),
  ];
}

/** Waits until every entry is in the log and anchored, and no hint is left; reads the chains then. */
async function settled(database: pg.Client, chains: Chain[]): Promise<[string[], string]> {
  const count = async (sql: string) => Number((await database.query(sql)).rows[0].count);
  const left = async () => ({
    'hints in the outbox': await count('SELECT count(*) FROM outbox'),
    'entries without an index': await count('SELECT count(*) FROM ledger_pending'),
    'entries without a leaf': await count(
      `SELECT count(*) FROM ledger_entry e
        WHERE NOT EXISTS (SELECT FROM ledger_leaf l WHERE (l.tenant_id, l.entry_id) = (e.tenant_id, e.id))`,
    ),
    'entries that are not anchored': await count(
      `SELECT count(*) FROM ledger_leaf
        WHERE leaf_index >= coalesce((SELECT max(size) FROM anchor WHERE state = 'final'), 0)`,
    ),
    'anchors that are not final': await count("SELECT count(*) FROM anchor WHERE state <> 'final'"),
  });
  let last = await left();
  const nothingLeft = async () => {
    last = await left();
    return Object.values(last).every((number) => number === 0);
  };
  await until('everything is settled', nothingLeft, SETTLED_WITHIN_MS).catch(() => undefined);
  for (const chain of chains) chain.entries = await chain.client.all('/v1/ledger/entries');
  const wrong = Object.entries(last).flatMap(([what, number]) => (number === 0 ? [] : [`${number} ${what}`]));
  return [wrong, `${chains.reduce((sum, chain) => sum + chain.entries.length, 0)} entries are anchored`];
}

async function resourcesAsExpected({ tenants }: ChangeLoad): Promise<[string[], string]> {
  const wrong: string[] = [];
  let count = 0;
  for (const tenant of tenants) {
    for (const [kind, wanted] of [
      ['vpcs', tenant.vpcs],
      ['subnets', tenant.subnets],
    ] as const) {
      const found = await tenant.client.all(`/v1/${kind}`);
      wrong.push(...differences(`${tenant.id} ${kind}`, wanted, found));
      count += wanted.size;
    }
  }
  return [wrong, `${count} resources are as their last change left them`];
}

// biome-ignore lint/suspicious/noExplicitAny: resources as the API gives them
function differences(where: string, wanted: Map<string, Expected>, found: any[]): string[] {
  const wrong: string[] = [];
  const ids = new Set<string>();
  for (const { id, name, cidrBlock, state } of found) {
    ids.add(id);
    const due = wanted.get(id);
    if (!due) wrong.push(`${where}: ${id} (${state}) is there and was never acknowledged, or its deletion was`);
    else if (due.name !== name || due.cidrBlock !== cidrBlock) {
      wrong.push(`${where}: ${id} is ${name} ${cidrBlock} and was acknowledged as ${due.name} ${due.cidrBlock}`);
    }
    if (state !== 'available') wrong.push(`${where}: ${id} is ${state}`);
  }
  for (const id of wanted.keys()) if (!ids.has(id)) wrong.push(`${where}: ${id} is lost`);
  return wrong;
}

/** In the stored replies, in the ledger by id, and in the ledger by what was done to which resource. */
async function keysHappenedOnce(
  database: pg.Client,
  { tenants }: ChangeLoad,
  chains: Chain[],
): Promise<[string[], string]> {
  const wrong: string[] = [];
  let count = 0;
  for (const tenant of tenants) {
    const { rows } = await database.query(
      'SELECT key, count(*)::int AS times FROM idempotency_record WHERE tenant_id = $1 GROUP BY key',
      [tenant.id],
    );
    const stored = new Map(rows.map((row) => [row.key, row.times]));
    for (const { key, action } of tenant.acknowledged) {
      if (stored.get(key) !== 1) wrong.push(`${action} with key ${key} has ${stored.get(key) ?? 0} stored replies`);
    }
    const chain = chains.find(({ name }) => name === tenant.id) as Chain;
    wrong.push(...entriesAsAcknowledged(tenant, chain));
    count += tenant.acknowledged.length;
  }
  return [wrong, `${count} keys, each with one stored reply and one ledger entry`];
}

function entriesAsAcknowledged({ id, acknowledged }: LoadTenant, { entries }: Chain): string[] {
  const wrong: string[] = [];
  const due = new Map(acknowledged.map((one) => [one.ledgerEntryId, one]));
  if (due.size !== acknowledged.length) wrong.push(`${id}: two changes were answered with one ledger entry`);
  for (const entry of entries.filter(({ action }) => /^(vpc|subnet)\./.test(action))) {
    const one = due.get(entry.id);
    if (!one) wrong.push(`${id}: ${entry.id} (${entry.action} of ${entry.resource.id}) was never acknowledged`);
    else if (one.action !== entry.action || one.resourceId !== entry.resource.id) {
      wrong.push(`${id}: ${entry.id} says ${entry.action} of ${entry.resource.id}, not what was acknowledged`);
    }
    due.delete(entry.id);
  }
  for (const one of due.values()) wrong.push(`${id}: ${one.action} of ${one.resourceId} has no entry`);
  return wrong;
}

function placesInChains(chains: Chain[]): [string[], string] {
  const wrong: string[] = [];
  const indexes = new Map<number, string>();
  for (const { name, entries } of chains) {
    for (const [at, { id, tenantSeq, index, state }] of entries.entries()) {
      if (tenantSeq !== at + 1) wrong.push(`${name}: ${id} is number ${tenantSeq} where ${at + 1} is due`);
      if (state !== 'anchored') wrong.push(`${name}: ${id} is ${state}`);
      if (indexes.has(index)) wrong.push(`${id} and ${indexes.get(index)} have one index`);
      indexes.set(index, id);
    }
  }
  for (let index = 0; index < indexes.size; index += 1) {
    if (!indexes.has(index)) wrong.push(`nobody has index ${index}`);
  }
  return [wrong, `indexes 0 to ${indexes.size - 1}, each once`];
}

async function receiptsVerify(chains: Chain[], { pinnedKey: log }: LogWatcher): Promise<[string[], string]> {
  const wrong: string[] = [];
  let count = 0;
  for (const { client, viewKey, entries } of chains) {
    const waiting = [...entries];
    const verifySome = async () => {
      for (let entry = waiting.pop(); entry; entry = waiting.pop()) {
        const receipt = await client.get(`/v1/ledger/entries/${entry.id}/receipt`);
        const document = utf8(JSON.stringify(receipt));
        const report = await verifyReceipt(document, { crypto: nodeCrypto, log, viewKey, requireAnchor: true });
        if (!report.ok || receipt.entryId !== entry.id) wrong.push(`${entry.id}: ${report.firstBad?.detail}`);
        count += 1;
      }
    };
    await Promise.all(Array.from({ length: RECEIPTS_AT_ONCE }, verifySome));
  }
  return [wrong, `${count} receipts`];
}

async function bundlesVerify(chains: Chain[], watcher: LogWatcher): Promise<[string[], string]> {
  const wrong: string[] = [];
  const knownCheckpoints = [...watcher.heads.values()].map(({ note }) => note);
  let bytes = 0;
  for (const { name, client, viewKey, entries } of chains) {
    const bundle = utf8(await client.text('/v1/ledger/bundle?upTo=anchored'));
    bytes += bundle.length;
    const options = { crypto: nodeCrypto, log: watcher.pinnedKey, viewKey, knownCheckpoints };
    const report = await verifyBundle([bundle], options);
    if (!report.ok || !report.complete || !report.anchored)
      wrong.push(`${name}: ${report.firstBad?.detail ?? 'no anchor'}`);
    else if (report.entries !== entries.length) {
      wrong.push(`${name}: ${report.entries} entries in the bundle, ${entries.length} in the list`);
    }
  }
  const detail = `${chains.length} bundles, ${(bytes / 1e6).toFixed(1)} MB, against ${knownCheckpoints.length} checkpoints`;
  return [wrong, detail];
}

/** Follows all checkpoints that were ever shown with consistency proofs made from the open log's tiles. */
async function oneHistory(stack: RealStack, watcher: LogWatcher): Promise<[string[], string]> {
  const anybody = new ApiClient(stack.apiUrls, null);
  const note = await anybody.text('/v1/log/checkpoint');
  const { text } = await verifyNote(note, [parseVkey(nodeCrypto.sha256, watcher.pinnedKey)], nodeCrypto.ed25519Verify);
  const newest = parseCheckpoint(text);
  const hasher = new TreeHasher(nodeCrypto.sha256);
  const tiles = new Map<string, Uint8Array>();
  const wrong = [...watcher.complaints];
  const tree = new TileTree(hasher, newest.size, async (tile) => {
    const path = tilePath(tile);
    const known = tiles.get(path) ?? (await anybody.bytes(`/v1/log/${path}`));
    tiles.set(path, known);
    return known;
  });
  const sizes = [...watcher.heads.keys()].sort((a, b) => a - b);
  let before: { size: number; root: Uint8Array } | null = null;
  for (const size of [...sizes.filter((one) => one < newest.size), newest.size]) {
    const known = watcher.heads.get(size);
    const root = known ? fromHex(known.root) : newest.root;
    if (before) {
      const proof = await tree.consistencyProof(before.size, size);
      const claim = { first: before.size, second: size, firstRoot: before.root, secondRoot: root, proof };
      if (!verifyConsistency(hasher, claim)) wrong.push(`the head of ${size} does not continue that of ${before.size}`);
    }
    before = { size, root };
  }
  const ahead = sizes.filter((size) => size > newest.size);
  if (ahead.length > 0) wrong.push(`a head of ${ahead.at(-1)} was shown, and the newest has ${newest.size}`);
  return [wrong, `${sizes.length} checkpoints, up to ${newest.size} entries`];
}

/** What receipts claim of the contract, asked of the contract. */
async function anchorsOnChain(stack: RealStack): Promise<[string[], string]> {
  const url = stack.state()?.chainUrl;
  if (!url) throw new Error('the chain is not there');
  const chain = new AnchorChain({ url, finality: finalityOf({ kind: 'dev' }) });
  const anchors = await new ApiClient(stack.apiUrls, null).all('/v1/ledger/anchors');
  const wrong: string[] = [];
  let last = 0;
  for (const { id, contract, logId, size, root, state } of anchors) {
    const held = await chain.readRoot(contract as Hex, hex(logId), BigInt(size));
    if (state !== 'final' || held === null || held.replace(/^0x/, '') !== root.replace(/^0x/, '')) {
      wrong.push(`${id} (${state}): the contract holds ${held} for ${size} entries, and the anchor says ${root}`);
    }
    if (size <= last) wrong.push(`${id}: ${size} entries after ${last}`);
    last = size;
  }
  return [wrong, `${anchors.length} anchors`];
}

function hex(text: string): Hex {
  return text.startsWith('0x') ? (text as Hex) : `0x${text}`;
}

async function vpcsRealised(database: pg.Client, { tenants }: ChangeLoad): Promise<[string[], string]> {
  const wrong: string[] = [];
  let count = 0;
  for (const tenant of tenants) {
    for (const { id, state, generation, realizedGeneration, failure } of await tenant.client.all('/v1/vpcs')) {
      count += 1;
      if (state !== 'available' || generation !== realizedGeneration) {
        wrong.push(`${id} is ${state} at ${realizedGeneration} of ${generation}${failure ? `: ${failure}` : ''}`);
      }
      const plan = await tenant.client.get(`/v1/vpcs/${id}/plan`);
      if (plan.generation !== generation) wrong.push(`${id}: the plan is of ${plan.generation}, not of ${generation}`);
    }
  }
  const { rows } = await database.query(
    'SELECT id FROM vpc WHERE realized_generation <> generation OR deleting ORDER BY id',
  );
  wrong.push(...rows.map(({ id }) => `${id} is not realised, or deleted and still there`));
  return [wrong, `${count} VPCs, each at its newest generation`];
}

async function movedDataComesBack(moving: MovingClient): Promise<[string[], string]> {
  if (moving.complaints.length > 0) return [moving.complaints, ''];
  if (moving.versions.length === 0) return [['no move came to its end'], ''];
  const differences = await moving.restoreAndCompare();
  const runs = moving.versions.reduce((sum, version) => sum + version.runs, 0);
  return [
    differences,
    `${moving.versions.length} moves in ${runs} runs of the client; the first and the last restored`,
  ];
}
