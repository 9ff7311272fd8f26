import {
  copyFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { type NoteKey, parseNote, readCosignature, TreeHasher, verifyConsistency, verifyNote } from '#merkle';
import { nodeCrypto, verifyEquivocation } from '#proof';
import { until } from '../../../../test/support/until.js';
import { ForkingLog } from '../testing/forking-log.js';
import { CosignedHeadFile, WitnessStateError } from './cosigned-head.js';
import { Witness } from './witness.js';
import { WitnessFolder } from './witness-folder.js';

const vectors = JSON.parse(
  readFileSync(new URL('../../../../libs/merkle/src/test-vectors/tlog-witness.json', import.meta.url), 'utf8'),
);
const hasher = new TreeHasher(nodeCrypto.sha256);

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'freehold-witness-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A signature line that nobody made. */
function lineOf(name: string, keyId: number, bytes: number): string {
  const encoded = Buffer.alloc(4 + bytes);
  encoded.writeUInt32BE(keyId);
  return `\u2014 ${name} ${encoded.toString('base64')}\n`;
}

async function newFolder(...vkeys: string[]): Promise<WitnessFolder> {
  const folder = await WitnessFolder.init(join(root, 'w'), 'witness.example/w1');
  for (const vkey of vkeys) await folder.addLog([vkey]);
  return folder;
}

describe('a witness', () => {
  it('answers the published vectors of another witness as that one does', async () => {
    const { logVkey, steps } = vectors.sequence;
    const folder = await newFolder(logVkey);
    const witness = await Witness.open(folder);
    for (const { name, body, status, reply, note } of steps) {
      const answer = await witness.addCheckpoint(body);
      expect([name, answer.status]).toEqual([name, note ? 400 : status]);
      if (status === 409) expect(answer).toEqual({ status, type: 'text/x.tlog.size', body: reply });
      if (status !== 200) continue;
      const { text } = parseNote(body.slice(body.indexOf('\n\n') + 2));
      const { line } = await readCosignature(text, answer.body, folder.key.key, nodeCrypto.ed25519Verify);
      expect(answer.body).toBe(line);
    }
    expect(witness.heads()).toMatchObject([{ size: 5 }]);
  });

  it('checks in the order of the specification', async () => {
    const log = new ForkingLog('freehold/a', 3, 8);
    const stranger = new ForkingLog('freehold/b', 3, 8);
    const witness = await Witness.open(await newFolder(log.vkey));
    const status = async (body: string) => (await witness.addCheckpoint(body)).status;
    expect(await status('')).toBe(400);
    expect(await status(await stranger.request('x', 9, 5))).toBe(404);
    const signature = (note: string) => note.slice(note.lastIndexOf(' ') + 1);
    const whole = await log.request('x', 9, 5);
    const unsigned = whole.replace(signature(whole), signature(await log.checkpoint('x', 6)));
    expect(await status(unsigned)).toBe(403);
    expect(await status(await log.request('x', 9, 5))).toBe(400);
    expect(await witness.addCheckpoint(await log.request('x', 2, 5))).toMatchObject({ status: 409, body: '0\n' });
    expect(await status(await log.request('x', 0, 5))).toBe(200);
    expect(await status(await log.request('x', 5, 5))).toBe(200);
    expect(await status(await log.request('x', 0, 5))).toBe(409);
    expect(await status(await log.request('y', 5, 8))).toBe(422);
    expect(await status(await log.request('x', 5, 8))).toBe(200);
    expect(witness.heads()).toMatchObject([{ size: 8 }]);
  });

  it.each<[string, (key: NoteKey) => string[]]>([
    ['that is none of its own, in its name', ({ keyId, name }) => [lineOf(name, keyId, 72)]],
    ['of others, as many as a note may have', () => Array.from({ length: 255 }, (_, at) => lineOf(`x${at}`, at, 64))],
  ])('keeps no line of a caller %s, signs on, and starts again', async (_what, junk) => {
    const log = new ForkingLog('freehold/a', 3, 8);
    const folder = await newFolder(log.vkey);
    const { key } = folder.key;
    const witness = await Witness.open(folder);
    const asked = await witness.addCheckpoint(`${await log.request('x', 0, 5)}${junk(key).join('')}`);
    expect(asked.status).toBe(200);
    expect((await witness.addCheckpoint(await log.request('x', 5, 8))).status).toBe(200);
    const again = await witness.addCheckpoint(`${await log.request('x', 8, 8)}${junk(key).join('')}`);
    expect(again.status).toBe(200);
    const { note } = witness.heads()[0]!;
    await expect(verifyNote(note!, [key], nodeCrypto.ed25519Verify)).resolves.toMatchObject({ signedBy: [{ key }] });
    expect(parseNote(note!).signatures).toHaveLength(2);
    expect((await Witness.open(folder)).heads()).toMatchObject([{ size: 8 }]);
  });

  it('refuses a second history, and keeps the proof of it', async () => {
    const log = new ForkingLog('freehold/a', 3, 8);
    const folder = await newFolder(log.vkey);
    const witness = await Witness.open(folder);
    await witness.addCheckpoint(await log.request('x', 0, 5));
    expect(await witness.addCheckpoint(await log.request('y', 5, 5))).toEqual({
      status: 409,
      type: 'text/x.tlog.size',
      body: '5\n',
    });
    await witness.addCheckpoint(await log.request('z', 5, 5));
    const evidence = join(folder.logFolder('freehold/a'), 'evidence');
    expect(readdirSync(evidence)).toEqual(['equivocation-5.json']);
    const document = readFileSync(join(evidence, 'equivocation-5.json'));
    const report = await verifyEquivocation(document, { crypto: nodeCrypto, log: log.vkey });
    expect(report).toMatchObject({ ok: true, equivocated: true });
  });

  it('never signs two heads that contradict each other, whatever comes at once', async () => {
    const log = new ForkingLog('freehold/a', 6, 16);
    const size = fc.integer({ min: 0, max: 16 });
    const ask = fc.record({ branch: fc.constantFrom('x', 'y'), old: size, size, burst: fc.boolean() });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(ask, { minLength: 4, maxLength: 30 }), async (asks) => {
        const folder = await WitnessFolder.init(join(root, `p${run++}`), 'witness.example/w1');
        await folder.addLog([log.vkey]);
        const witness = await Witness.open(folder);
        const signed: { branch: string; size: number }[] = [];
        let pending: Promise<void>[] = [];
        for (const { branch, old, size, burst } of asks) {
          const body = await log.request(branch, old, size);
          const done = witness.addCheckpoint(body).then(({ status }) => {
            if (status === 200) signed.push({ branch, size });
          });
          pending.push(done);
          if (!burst) await Promise.all(pending.splice(0));
        }
        await Promise.all(pending);
        pending = [];
        // The oracle: all heads beyond the fork are of one branch, and sizes never go back.
        const beyond = new Set(signed.filter((one) => one.size > 6).map(({ branch }) => branch));
        expect(beyond.size).toBeLessThanOrEqual(1);
        expect(signed.map((one) => one.size)).toEqual(signed.map((one) => one.size).sort((a, b) => a - b));
      }),
      { numRuns: 25 },
    );
  });

  it('signs one of many that come at once from one size, and the files hold that one', async () => {
    const log = new ForkingLog('freehold/a', 4, 16);
    const folder = await newFolder(log.vkey);
    const witness = await Witness.open(folder);
    await witness.addCheckpoint(await log.request('x', 0, 4));
    const asks = ['x', 'y', 'z'].flatMap((branch) => [9, 12, 16].map((size) => ({ branch, size })));
    const bodies = await Promise.all(asks.map(({ branch, size }) => log.request(branch, 4, size)));
    const replies = await Promise.all(bodies.map((body) => witness.addCheckpoint(body)));
    const taken = asks.filter((_, at) => replies[at]!.status === 200);
    expect(taken).toHaveLength(1);
    expect((await folder.heads())[0]!.root).toEqual(await log.root(taken[0]!.branch, taken[0]!.size));
  });

  it('takes a further key of a rotated log, and a further log, while it runs', async () => {
    const log = new ForkingLog('freehold/a', 3, 8);
    const rotated = new ForkingLog('freehold/a', 3, 8, 'second key');
    const folder = await newFolder(log.vkey);
    const witness = await Witness.open(folder);
    await witness.addCheckpoint(await log.request('x', 0, 3));
    expect((await witness.addCheckpoint(await rotated.request('x', 3, 5))).status).toBe(403);
    await folder.addLog([rotated.vkey]);
    const taken = async (body: string) =>
      until('what was added is known', async () => (await witness.addCheckpoint(body)).status === 200);
    await taken(await rotated.request('x', 3, 5));
    expect((await witness.addCheckpoint(await log.request('x', 5, 6))).status).toBe(200);
    const other = new ForkingLog('freehold/b', 3, 8);
    await folder.addLog([other.vkey]);
    await taken(await other.request('x', 0, 5));
  });

  it('does not sign with a clock that has gone back', async () => {
    const log = new ForkingLog('freehold/a', 3, 8);
    let now = 2_000_000;
    const witness = await Witness.open(await newFolder(log.vkey), { now: () => now });
    expect((await witness.addCheckpoint(await log.request('x', 0, 3))).status).toBe(200);
    now = 1_000_000;
    expect((await witness.addCheckpoint(await log.request('x', 3, 5))).status).toBe(500);
    now = 3_000_000;
    expect((await witness.addCheckpoint(await log.request('x', 3, 5))).status).toBe(200);
  });
});

describe('what a witness stores', () => {
  const log = new ForkingLog('freehold/a', 3, 16);
  class Died extends Error {}

  /** The steps between a request and its answer, in order. */
  async function stepsOf(): Promise<string[]> {
    const folder = await WitnessFolder.init(join(root, 'steps'), 'witness.example/w1');
    await folder.addLog([log.vkey]);
    const steps: string[] = [];
    const witness = await Witness.open(folder, { step: (name) => void steps.push(name) });
    await witness.addCheckpoint(await log.request('x', 0, 4));
    return steps;
  }

  it('survives a death at every step: what was answered is remembered, and one history is signed', async () => {
    const steps = await stepsOf();
    expect(steps).toHaveLength(12);
    for (const [at, dies] of steps.entries()) {
      const folder = await WitnessFolder.init(join(root, `d${at}`), 'witness.example/w1');
      await folder.addLog([log.vkey]);
      const first = await Witness.open(folder);
      expect((await first.addCheckpoint(await log.request('x', 0, 4))).status).toBe(200);
      const dying = await Witness.open(folder, {
        step: (name) => {
          if (name === dies) throw new Died();
        },
      });
      await expect(dying.addCheckpoint(await log.request('x', 4, 9))).rejects.toThrow(Died);
      const again = await Witness.open(folder);
      const { size } = again.heads()[0]!;
      expect([4, 9]).toContain(size);
      // A line may have been made for 9 entries of x: a history without them is refused.
      if (size === 9) {
        expect((await again.addCheckpoint(await log.request('y', 4, 9))).status).toBe(409);
        expect((await again.addCheckpoint(await log.request('y', 9, 9))).status).toBe(409);
      }
      expect((await again.addCheckpoint(await log.request('x', size, 12))).status).toBe(200);
    }
  });

  it('is signed no further by the process in which storing failed', async () => {
    const folder = await newFolder(log.vkey);
    let dies = '';
    const witness = await Witness.open(folder, {
      step: (name) => {
        if (name === dies) throw new Died();
      },
    });
    await witness.addCheckpoint(await log.request('x', 0, 4));
    dies = 'head: renamed';
    await expect(witness.addCheckpoint(await log.request('x', 4, 9))).rejects.toThrow(Died);
    dies = '';
    expect((await witness.addCheckpoint(await log.request('y', 4, 10))).status).toBe(500);
  });

  const head = (folder: WitnessFolder) => folder.headPath('freehold/a');
  const mark = (folder: WitnessFolder) => folder.markPath('freehold/a');
  const swap = (path: string, from: string, to: string) =>
    writeFileSync(path, readFileSync(path, 'utf8').replace(from, to));

  it.each<[string, (folder: WitnessFolder, older: string) => void]>([
    ['the head is cut off', (folder) => writeFileSync(head(folder), readFileSync(head(folder), 'utf8').slice(0, 50))],
    ['the head is empty', (folder) => writeFileSync(head(folder), '')],
    ['the head is missing', (folder) => rmSync(head(folder))],
    ['the head was edited', (folder) => swap(head(folder), '"size":9', '"size":4')],
    ['the head is an older copy', (folder, older) => copyFileSync(older, head(folder))],
    ['the mark is cut off', (folder) => writeFileSync(mark(folder), readFileSync(mark(folder), 'utf8').slice(0, 20))],
    ['the mark is missing', (folder) => rmSync(mark(folder))],
    ['the head is one that another key signed', (folder) => copyFileSync(join(root, 'other-head'), head(folder))],
  ])('keeps it from starting when %s', async (_what, spoil) => {
    const strange = await WitnessFolder.init(join(root, 'other'), 'witness.example/w2');
    await strange.addLog([log.vkey]);
    await (await Witness.open(strange)).addCheckpoint(await log.request('y', 0, 12));
    copyFileSync(head(strange), join(root, 'other-head'));
    const folder = await newFolder(log.vkey);
    const witness = await Witness.open(folder);
    await witness.addCheckpoint(await log.request('x', 0, 4));
    copyFileSync(head(folder), join(root, 'older'));
    await witness.addCheckpoint(await log.request('x', 4, 9));
    await Witness.open(folder);
    spoil(folder, join(root, 'older'));
    await expect(Witness.open(folder)).rejects.toThrow(WitnessStateError);
    await expect(folder.heads()).rejects.toThrow(WitnessStateError);
  });

  it('cannot be begun again for a log that was signed', async () => {
    const folder = await newFolder(log.vkey);
    await (await Witness.open(folder)).addCheckpoint(await log.request('x', 0, 4));
    rmSync(join(folder.logFolder('freehold/a'), 'log.json'));
    await expect(folder.addLog([log.vkey])).rejects.toThrow(WitnessStateError);
  });

  it('is readable by its owner only, and looked at while it is written', async () => {
    const folder = await newFolder(log.vkey);
    expect(statSync(join(folder.path, 'key')).mode & 0o777).toBe(0o600);
    expect(statSync(head(folder)).mode & 0o777).toBe(0o600);
    const witness = await Witness.open(folder);
    let looking = true;
    const looks = (async () => {
      while (looking) for (const { size } of await folder.heads()) expect(size).toBeLessThanOrEqual(16);
    })();
    for (let size = 0; size < 16; size++) {
      expect((await witness.addCheckpoint(await log.request('x', size, size + 1))).status).toBe(200);
    }
    looking = false;
    await looks;
    const found = await CosignedHeadFile.read(head(folder), mark(folder), {
      origin: 'freehold/a',
      witness: folder.key.key,
    });
    const firstRoot = await log.root('x', 16);
    const claim = { first: 16, second: 16, firstRoot, secondRoot: found.head.root, proof: [] };
    expect(verifyConsistency(hasher, claim)).toBe(true);
  });
});

describe('the folder of a witness', () => {
  it.each(['', 'a b', 'a+b', 'a\n'])('is not made under the name %j', async (name) => {
    await expect(WitnessFolder.init(join(root, 'n'), name)).rejects.toThrow('a witness is named');
  });

  it('holds one key, which is never written over', async () => {
    const { vkey } = await newFolder();
    await expect(WitnessFolder.init(join(root, 'w'), 'witness.example/w1')).rejects.toThrow('not overwritten');
    expect((await WitnessFolder.open(join(root, 'w'))).vkey).toBe(vkey);
    await expect(WitnessFolder.open(join(root, 'none'))).rejects.toThrow('freehold witness init');
    const path = join(root, 'w', 'key');
    writeFileSync(
      path,
      readFileSync(path, 'utf8').replace(/\+([0-9a-f])/, (_, digit) => `+${digit === '0' ? 1 : 0}`),
    );
    await expect(WitnessFolder.open(join(root, 'w'))).rejects.toThrow('damaged');
  });

  it('can be moved, and keeps its marks elsewhere when told to', async () => {
    const log = new ForkingLog('freehold/a', 3, 8);
    const folder = await newFolder(log.vkey);
    await (await Witness.open(folder)).addCheckpoint(await log.request('x', 0, 4));
    renameSync(join(root, 'w'), join(root, 'moved'));
    expect((await (await WitnessFolder.open(join(root, 'moved'))).heads())[0]).toMatchObject({ size: 4 });
    const marks = join(root, 'marks-elsewhere');
    const apart = await WitnessFolder.init(join(root, 'apart'), 'witness.example/w2', marks);
    await apart.addLog([log.vkey]);
    await (await Witness.open(apart)).addCheckpoint(await log.request('x', 0, 3));
    cpSync(join(root, 'apart'), join(root, 'backup'), { recursive: true });
    await (await Witness.open(apart)).addCheckpoint(await log.request('x', 3, 6));
    rmSync(join(root, 'apart'), { recursive: true });
    renameSync(join(root, 'backup'), join(root, 'apart'));
    await expect(Witness.open(await WitnessFolder.open(join(root, 'apart')))).rejects.toThrow('it is older');
  });

  it('takes keys of logs only, and of one log at a time', async () => {
    const folder = await newFolder();
    const { vkey } = new ForkingLog('freehold/a', 1, 1);
    const other = new ForkingLog('freehold/b', 1, 1);
    await expect(folder.addLog([folder.vkey])).rejects.toThrow('key of a witness');
    await expect(folder.addLog(['nonsense'])).rejects.toThrow('no verifier key');
    await expect(folder.addLog([vkey, other.vkey])).rejects.toThrow('different logs');
    expect((await folder.addLog([vkey, vkey])).keys).toHaveLength(1);
  });

  it('is served by one process at a time', async () => {
    const folder = await newFolder();
    const unlock = folder.lockForServing();
    expect(() => folder.lockForServing()).toThrow(`Process ${process.pid} serves this witness already`);
    unlock();
    folder.lockForServing()();
  });
});
