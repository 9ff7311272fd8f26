import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { Database } from '#database';
import { newId } from '#kernel';
import { parseCheckpoint, parseNote, TREE_SIZE_TYPE } from '#merkle';
import { countWitnesses, nodeCrypto, witnessPolicy } from '#proof';
import { createTestDatabase, type TestDatabase } from '../../../test/support/embedded-database.js';
import { until } from '../../../test/support/until.js';
import { LogIdentity } from './infra/log-identity.js';
import { OpenLogRepository } from './infra/open-log.repository.js';
import { OpenWitnessRepository } from './infra/open-witness.repository.js';
import { LedgerProcess } from './testing/ledger-process.js';
import { HostileWitness, StandingWitness } from './testing/witness-stand.js';

const viewKey = new Uint8Array(32).fill(1);
let folder: string;
let database: TestDatabase;
let tenant: ReturnType<typeof newId<'tenant'>>;
let api: LedgerProcess;
let logVkey: string;
let standing: StandingWitness[];
let hostile: HostileWitness[];
const open: LedgerProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'freehold-witnessing-'));
  database = await createTestDatabase();
  tenant = newId('tenant');
  const first = await LedgerProcess.worker(database, folder);
  await first.openChain(tenant, viewKey);
  logVkey = first.module.get(LogIdentity).vkey;
  await first.close();
  api = await LedgerProcess.api(database, folder);
  open.push(api);
  standing = [];
  hostile = [];
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  for (const one of [...standing, ...hostile]) await one.stop();
  await rm(folder, { recursive: true, force: true });
});

async function witnesses(count: number): Promise<StandingWitness[]> {
  for (let at = 1; at <= count; at++) standing.push(await StandingWitness.make(folder, `w${at}`, logVkey));
  return standing;
}

async function hostileWitness(answer: (witness: HostileWitness, response: ServerResponse) => void | Promise<void>) {
  const made = await HostileWitness.make(`h${hostile.length + 1}`, answer);
  hostile.push(made);
  return made;
}

interface Setup {
  of: { setting: { vkey: string; url: string } }[];
  threshold: number;
  required?: boolean;
  on?: TestDatabase;
  headFolder?: string;
}

/** A worker at work: its sequencer and its witnessing run. */
async function worker({ of, threshold, required = false, on = database, headFolder = folder }: Setup) {
  const started = await LedgerProcess.worker(on, folder, undefined, {
    ledgerHeadFile: join(headFolder, 'ledger-head.json'),
    witnesses: of.map(({ setting }) => setting),
    witnessThreshold: threshold,
    witnessRequired: required,
    witnessTimeoutMs: 2_000,
  });
  open.push(started);
  await started.module.init();
  return started;
}

async function stop(process: LedgerProcess): Promise<void> {
  open.splice(open.indexOf(process), 1);
  await process.close();
}

async function admin<Row extends pg.QueryResultRow>(sql: string, on = database): Promise<Row[]> {
  const client = new pg.Client({ connectionString: on.adminUrl });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

const openLog = () => new OpenLogRepository(api.module.get(Database));
const overview = () => new OpenWitnessRepository(api.module.get(Database)).overview();
const number = async (sql: string, on = database) =>
  Number((await admin<{ n: string }>(`SELECT (${sql})::text AS n`, on))[0]!.n);
const leaves = () => number('SELECT count(*) FROM ledger_leaf');
const published = (on = database) => number('SELECT coalesce(max(size), 0) FROM ledger_checkpoint', on);
const witnessed = () => number('SELECT coalesce(max(size), 0) FROM ledger_witnessed');
const stateOf = async (at: number) => (await overview()).witnesses[at]!;

describe('cosignatures that come when they come', () => {
  it('stand under checkpoints that were published at once, and make them witnessed ones', async () => {
    const of = await witnesses(3);
    await worker({ of, threshold: 2 });
    await api.change(tenant, 3);
    await until('all is witnessed', async () => (await leaves()) === 4 && (await witnessed()) === 4);
    await until(
      'all three are stored',
      async () => parseNote((await openLog().newestHead())!.note).signatures.length === 4,
    );
    const policy = witnessPolicy(
      nodeCrypto,
      of.map(({ setting }) => setting.vkey),
      2,
    );
    const head = (await openLog().newestHead())!;
    expect(await countWitnesses(nodeCrypto, head.note, policy)).toMatchObject({ count: 3, met: true });
    expect((await openLog().newestWitnessedHead())?.note).toBe(head.note);
    await until('the standings are stored', async () =>
      (await overview()).witnesses.every(({ state }) => state === 'ok'),
    );
    expect(await overview()).toMatchObject({ threshold: 2, required: false, witnessedSize: 4 });
  });

  it('need no witness that is down, and it catches up with what is newest', async () => {
    const of = await witnesses(3);
    await of[2]!.stop();
    await worker({ of, threshold: 2 });
    for (let round = 0; round < 5; round++) {
      await api.change(tenant, 2);
      await until('it is witnessed', async () => (await witnessed()) === 1 + 2 * (round + 1));
    }
    await until('it is reported', async () => (await stateOf(2)).state === 'unreachable');
    expect(await stateOf(2)).toMatchObject({ cosignedSize: 0, failure: 'ECONNREFUSED' });
    await of[2]!.start();
    await until('it has caught up', async () => (await of[2]!.size()) === 11);
    await until(
      'its line is there',
      async () => parseNote((await openLog().newestHead())!.note).signatures.length === 4,
    );
  });

  it('are made up for by a worker that starts, also from a witness whose size was forgotten', async () => {
    const of = await witnesses(1);
    const alone = await worker({ of: [], threshold: 0 });
    await api.change(tenant, 3);
    await until('it is published', async () => (await published()) === 4);
    await stop(alone);
    const first = await worker({ of, threshold: 1 });
    await until('it is witnessed', async () => (await witnessed()) === 4);
    await stop(first);
    await admin('UPDATE ledger_witness SET cosigned_size = 0');
    await worker({ of, threshold: 1 });
    await api.change(tenant, 2);
    await until('it is witnessed', async () => (await witnessed()) === 6);
  });

  it('let receipts be had under the first witnessed checkpoint while no anchor covers the entry', async () => {
    const of = await witnesses(2);
    const both = await worker({ of, threshold: 2 });
    await until('it is witnessed', async () => (await witnessed()) === 1);
    await of[1]!.stop();
    await api.change(tenant, 1);
    await until('the next is published', async () => (await published()) === 2);
    expect(await openLog().witnessedHeadCovering(1)).toBeNull();
    expect((await openLog().witnessedHeadCovering(0))?.size).toBe(1);
    await api.change(tenant, 1);
    await until('the next is published', async () => (await published()) === 3);
    await of[1]!.start();
    await until('the newest is witnessed', async () => (await witnessed()) === 3);
    expect((await openLog().witnessedHeadCovering(1))?.size).toBe(3);
    await stop(both);
  });
});

describe('cosignatures that are required', () => {
  it('come before a checkpoint is published; the head file is durable before a witness sees it', async () => {
    const headFile = join(folder, 'ledger-head.json');
    const seen: { asked: string; durable: string; published: number }[] = [];
    const watching = await hostileWitness(async (witness, response) => {
      const { checkpoint } = JSON.parse(await readFile(headFile, 'utf8')) as { checkpoint: string };
      seen.push({ asked: witness.seen.at(-1)!.checkpoint, durable: checkpoint, published: await published() });
      response.end(witness.line());
    });
    await worker({ of: [watching], threshold: 1, required: true });
    await until('it is published', async () => (await published()) === 1);
    await api.change(tenant, 4);
    await until('it is published', async () => (await published()) === 5);
    for (const one of seen) {
      expect(one.durable).toBe(one.asked);
      expect(one.published).toBeLessThan(parseCheckpoint(parseNote(one.asked).text).size);
    }
    const [{ n }] = (await admin<{ n: string }>(
      'SELECT count(*)::text AS n FROM ledger_checkpoint c WHERE NOT EXISTS (SELECT FROM ledger_witnessed w WHERE w.size = c.size)',
    )) as [{ n: string }];
    expect(n).toBe('0');
  });

  it('keep everything unpublished while the witnesses are down; entries are sequenced, and one head covers all of it', async () => {
    const of = await witnesses(3);
    for (const one of of) await one.stop();
    await worker({ of, threshold: 2, required: true });
    for (let round = 1; round <= 4; round++) {
      await api.change(tenant, 5);
      await until('they are in the log', async () => (await leaves()) === 1 + 5 * round);
    }
    await until('all are reported', async () =>
      (await overview()).witnesses.every(({ state }) => state === 'unreachable'),
    );
    expect([await published(), await openLog().newestHead()]).toEqual([0, null]);
    await of[0]!.start();
    await until('one has cosigned', async () => (await of[0]!.size()) > 0);
    expect(await published()).toBe(0);
    await of[1]!.start();
    await until('all is published', async () => (await published()) === 21, 40_000);
    expect(await witnessed()).toBe(21);
  });

  it('make one history with a worker that dies after a witness has signed', async () => {
    let answering = false;
    const slow = await hostileWitness((witness, response) => {
      if (answering) response.end(witness.line());
      else response.destroy();
    });
    const [sound] = await witnesses(1);
    const of = [sound!, slow];
    const first = await worker({ of, threshold: 2, required: true });
    await api.change(tenant, 2);
    await until('one has cosigned what is not published', async () => (await sound!.size()) === 3);
    await stop(first);
    expect(await published()).toBe(0);
    await api.change(tenant, 2);
    answering = true;
    await worker({ of, threshold: 2, required: true });
    await until('all is published', async () => (await published()) === 5);
    expect(await sound!.size()).toBe(5);
  });

  it('are not given to a second history of the log', async () => {
    const of = await witnesses(1);
    const first = await worker({ of, threshold: 1, required: true });
    await api.change(tenant, 2);
    await until('it is published', async () => (await published()) === 3);
    await stop(first);
    await stop(api);
    api = await LedgerProcess.api(database, folder);
    await stop(api);
    const copy = await copyOf(database);
    api = await LedgerProcess.api(database, folder);
    open.push(api);
    const again = await worker({ of, threshold: 1, required: true });
    await api.change(tenant, 4);
    await until('the first history goes on', async () => (await published()) === 7);
    await stop(again);
    // The operator puts the older copy back, with the head file of that time: another history.
    const elsewhere = join(folder, 'elsewhere');
    await mkdir(elsewhere);
    const forked = await LedgerProcess.api(copy, folder);
    open.push(forked);
    await forked.change(tenant, 1);
    await rewindHeadFile(copy, elsewhere);
    await worker({ of, threshold: 1, required: true, on: copy, headFolder: elsewhere });
    const state = () =>
      admin<{ state: string; failure: string }>('SELECT state, failure FROM ledger_witness', copy).then(
        ([row]) => row!,
      );
    await until('it is an alarm', async () => (await state()).state === 'alarm');
    expect((await state()).failure).toBe('it says that it has cosigned 7 entries, and the log has 4');
    await forked.change(tenant, 3);
    await until(
      'the second history has as many',
      async () => (await number('SELECT count(*) FROM ledger_leaf', copy)) === 7,
    );
    await until('it is refused', async () => /another head of/.test((await state()).failure), 40_000);
    await forked.change(tenant, 3);
    await until('it is refused', async () => /does not continue/.test((await state()).failure), 40_000);
    expect(await published(copy)).toBe(3);
    expect(await of[0]!.size()).toBe(7);
  }, 120_000);
});

async function copyOf(original: TestDatabase): Promise<TestDatabase> {
  const name = `${original.name}_copy`;
  const client = new pg.Client({ connectionString: original.adminUrl.replace(original.name, 'postgres') });
  await client.connect();
  await until('nobody is connected', async () => {
    const { rows } = await client.query('SELECT FROM pg_stat_activity WHERE datname = $1', [original.name]);
    return rows.length === 0;
  });
  await client.query(`CREATE DATABASE ${name} TEMPLATE ${original.name} STRATEGY FILE_COPY OWNER freehold_owner`);
  await client.end();
  const text = JSON.stringify(original).replaceAll(original.name, name);
  return JSON.parse(text) as TestDatabase;
}

async function rewindHeadFile(on: TestDatabase, to: string): Promise<void> {
  const [row] = await admin<{ note: string }>('SELECT note FROM ledger_checkpoint ORDER BY size DESC LIMIT 1', on);
  await writeFile(join(to, 'ledger-head.json'), JSON.stringify({ v: 1, epoch: 0, checkpoint: row!.note }));
}

describe('a witness that does not keep to the protocol', () => {
  const size = (response: ServerResponse, body: string) =>
    response.writeHead(409, { 'content-type': TREE_SIZE_TYPE }).end(body);

  it.each<[string, string, RegExp, (witness: HostileWitness, response: ServerResponse) => void]>([
    ['signs something else', 'alarm', /does not hold/, (w, r) => void r.end(w.line({ text: 'a\n1\nb\n' }))],
    ['signs in the future', 'alarm', /it cosigned at/, (w, r) => void r.end(w.line({ time: 4_000_000_000 }))],
    ['signs at no time', 'alarm', /it cosigned at 0/, (w, r) => void r.end(w.line({ time: 0 }))],
    ['answers garbage', 'alarm', /does not hold/, (_, r) => void r.end('\0\0')],
    ['answers nothing', 'alarm', /does not hold/, (_, r) => void r.end()],
    ['answers without end', 'unreachable', /more than a reply/, (_, r) => void r.end('x'.repeat(1 << 20))],
    ['hangs up', 'unreachable', /./, (_, r) => void r.destroy()],
    ['never answers', 'unreachable', /in time/, () => undefined],
    ['claims a larger log', 'alarm', /cosigned 99 entries, and the log has [12]/, (_, r) => void size(r, '99\n')],
    ['claims another head', 'alarm', /another head of/, (w, r) => void size(r, `${w.seen.at(-1)!.oldSize}\n`)],
    ['names no size', 'unreachable', /size/, (_, r) => void size(r, 'many\n')],
    ['refuses the proof', 'alarm', /does not continue/, (_, r) => void r.writeHead(422).end()],
    ['has another head', 'alarm', /another head/, (_, r) => void r.writeHead(409).end()],
    ['does not know the log', 'refusing', /the log$/, (_, r) => void r.writeHead(404).end()],
    ['does not know the key', 'refusing', /key$/, (_, r) => void r.writeHead(403).end()],
    ['redirects', 'unreachable', /./, (_, r) => void r.writeHead(307, { location: 'http://127.0.0.1:1/' }).end()],
  ])('and %s is reported and counts for nothing', async (_what, expected, failure, answer) => {
    const bad = await hostileWitness(answer);
    const [sound] = await witnesses(1);
    await worker({ of: [bad, sound!], threshold: 1 });
    await api.change(tenant, 1);
    await until('the other one is enough', async () => (await witnessed()) === 2);
    await until('it is reported', async () => (await stateOf(0)).state === expected);
    expect(await stateOf(0)).toMatchObject({ cosignedSize: 0, failure: expect.stringMatching(failure) });
    const { note } = (await openLog().newestHead())!;
    expect(parseNote(note).signatures.map(({ name }) => name)).not.toContain('witness.example/h1');
  });
});
