import fc from 'fast-check';
import { fromBase64, fromUtf8, TreeHasher, toBase64, toHex, utf8 } from '#merkle';
import { encodeBody, nodeCrypto, parseBody, type Receipt, verifyReceipt } from './index.js';
import { derived, fileOf, SampleLog } from './testing/sample-log.js';

const crypto = nodeCrypto;
const log = new SampleLog();
for (let at = 0; at < 40; at++) log.append(log.tenants[at % 3 === 0 ? 1 : 0]!);

const verify = (receipt: unknown, options = {}) =>
  verifyReceipt(fileOf(receipt), { crypto, log: log.vkey, ...options });

describe('a receipt', () => {
  it('holds for every entry at every later size, with nothing but itself and the log key', async () => {
    for (const index of [0, 1, 7, 20, 41]) {
      for (const size of [index + 1, 42]) {
        const report = await verify(await log.receipt(index, size), { requireAnchor: true });
        expect(report).toMatchObject({
          ok: true,
          firstBad: null,
          pinned: true,
          anchored: true,
          independentTrust: false,
        });
        expect(report.steps.map((step) => step.step)).toEqual([
          'format',
          'log-key',
          'entry',
          'actor',
          'checkpoint',
          'inclusion',
          'witnesses',
          'anchor',
          'consistency',
        ]);
      }
    }
  });

  it('says when nobody vouches for the log key, and when no anchor is there yet', async () => {
    const receipt = { ...(await log.receipt(3)), anchor: null };
    const report = await verifyReceipt(fileOf(receipt), { crypto });
    expect(report).toMatchObject({ ok: true, pinned: false, anchored: false });
    expect(report.steps[1]!.detail).toContain('taken from the file itself');
    const strict = await verify(receipt, { requireAnchor: true });
    expect(strict.firstBad).toMatchObject({ step: 'anchor', detail: 'pending: no anchor is there yet' });
    expect(strict).toMatchObject({ ok: false, failure: 'anchor-not-proven' });
  });

  it('checks the number in the chain with the view key', async () => {
    const receipt = await log.receipt(5);
    const owner = log.tenants.indexOf(parseBody(fromBase64(receipt.body)).tenant);
    expect(await verify(receipt, { viewKey: log.viewKeys[owner] })).toMatchObject({ ok: true });
    const stranger = await verify(receipt, { viewKey: log.viewKeys[1 - owner] });
    expect(stranger.firstBad).toMatchObject({ step: 'entry', entryId: receipt.entryId, index: 5 });
  });
});

describe('a forged receipt', () => {
  /** Each forgery is what somebody who may write every byte, but has not the log key, could try. */
  const forgeries: [string, string, (receipt: Receipt) => Promise<Receipt> | Receipt][] = [
    [
      'with another body',
      'entry',
      (receipt) => {
        const body = { ...parseBody(fromBase64(receipt.body)), after: { cidr: '10.9.9.0/24' } };
        return { ...receipt, body: toBase64(encodeBody(body)) };
      },
    ],
    [
      'with another body and a leaf made for it',
      'inclusion',
      async (receipt) => {
        const forged = new SampleLog();
        for (let at = 0; at < 40; at++) forged.append(forged.tenants[at % 2]!);
        const other = await forged.receipt(receipt.index);
        return { ...other, proof: receipt.proof, anchor: receipt.anchor };
      },
    ],
    [
      'with the entry of another index',
      'inclusion',
      async (receipt) => ({ ...(await log.receipt(9)), index: receipt.index, proof: receipt.proof }),
    ],
    [
      'with a proof for another index',
      'inclusion',
      async (receipt) => ({ ...receipt, proof: (await log.receipt(9)).proof }),
    ],
    [
      'with a proof that says another index',
      'inclusion',
      (receipt) => ({ ...receipt, proof: receipt.proof.replace('index 6', 'index 7') }),
    ],
    [
      'with a head that the log key signed for another log',
      'checkpoint',
      async (receipt) => {
        const elsewhere = Object.assign(new SampleLog(), { origin: 'freehold/elsewhere' });
        const note = elsewhere.signed(log.size, await log.tileTree().root());
        return { ...receipt, proof: `${receipt.proof.split('\n\n')[0]}\n\n${note}` };
      },
    ],
    [
      // CVE-2022-39199 of immudb: the proof is verified, but against a state that the server chose.
      'with a root that fits, signed by another key',
      'log-key',
      async () => {
        const forged = new SampleLog('freehold/forged');
        forged.append(forged.tenants[0]!);
        return forged.receipt(2);
      },
    ],
    [
      'with the log key of another log under the same name',
      'checkpoint',
      async (receipt) => ({
        ...receipt,
        proof: receipt.proof.replace(/\u2014 .*\n$/, (await otherKeyLine()) as string),
      }),
    ],
    [
      // CVE-2022-36111 of immudb: an inner node is presented as a leaf, so that a proof can be cut short.
      'with an inner node in place of the leaf',
      'entry',
      async (receipt) => {
        const hasher = new TreeHasher(crypto.sha256);
        const [left, right] = [hasher.leaf(log.entries[0]!.leaf), hasher.leaf(log.entries[1]!.leaf)];
        return { ...receipt, leaf: toBase64(Uint8Array.of(1, ...left, ...right)), index: 0 };
      },
    ],
    [
      'with the checkpoint of a smaller tree',
      'inclusion',
      async (receipt) => {
        const smaller = await log.checkpoint(receipt.index);
        return { ...receipt, proof: `${receipt.proof.split('\n\n')[0]}\n\n${smaller}` };
      },
    ],
    [
      'with a checkpoint whose size was edited',
      'checkpoint',
      (receipt) => ({ ...receipt, proof: receipt.proof.replace('\n42\n', '\n43\n') }),
    ],
    [
      'with surplus data in the proof',
      'inclusion',
      (receipt) => ({ ...receipt, proof: receipt.proof.replace('index', 'extra AAAA\nindex') }),
    ],
    ['with the anchor of another head', 'anchor', async (receipt) => ({ ...receipt, anchor: await log.anchor(30) })],
    [
      'with an anchor of the right size and another root',
      'anchor',
      (receipt) => ({ ...receipt, anchor: { ...receipt.anchor!, root: toHex(derived('another root')) } }),
    ],
    ['with another number in the chain', 'entry', (receipt) => ({ ...receipt, tenantSeq: receipt.tenantSeq + 1 })],
    ['with another predecessor', 'entry', (receipt) => ({ ...receipt, prevHash: toHex(derived('another leaf')) })],
    ['with a surplus member', 'format', (receipt) => ({ ...receipt, verified: true }) as Receipt],
    ['of another version', 'format', (receipt) => ({ ...receipt, v: 3 }) as unknown as Receipt],
  ];

  async function otherKeyLine(): Promise<string> {
    const line = (await log.checkpoint()).split('\n\n')[1]!;
    const bytes = fromBase64(line.split(' ')[2]!.trim());
    bytes[20]! ^= 1;
    return `\u2014 ${log.origin} ${toBase64(bytes)}\n`;
  }

  it.each(forgeries)('%s fails at the step %s and names the entry', async (_what, step, forge) => {
    const forged = await forge(await log.receipt(6));
    const report = await verify(forged);
    expect(report.ok).toBe(false);
    expect(report.firstBad).toMatchObject({ step, ok: false });
    expect(report).toMatchObject({ anchored: false, independentTrust: false });
    if (step !== 'format' && step !== 'log-key') expect(report.firstBad!.entryId).toBe(forged.entryId);
  });

  it('is found out whatever single byte is changed', async () => {
    const receipt = { ...(await log.receipt(6)), anchor: null };
    const file = fileOf(receipt);
    await fc.assert(
      fc.asyncProperty(fc.nat(file.length - 1), fc.nat(7), async (at, bit) => {
        const changed = file.slice();
        changed[at]! ^= 1 << bit;
        const report = await verifyReceipt(changed, { crypto, log: log.vkey });
        // A changed blank between members changes nothing that the receipt says.
        if (report.ok) expect(JSON.parse(fromUtf8(changed))).toEqual(receipt);
      }),
      { numRuns: 600 },
    );
  });

  it('never makes the verifier throw', async () => {
    const documents = [
      new Uint8Array(0),
      utf8('null'),
      utf8('[]'),
      utf8('{"v":1}'),
      Uint8Array.of(0xff, 0xfe),
      utf8('"x"'),
    ];
    for (const document of documents) {
      expect((await verifyReceipt(document, { crypto })).firstBad!.step).toBe('format');
    }
    const receipt = await log.receipt(6);
    const values = [null, 1, -1, 1e300, '', 'x', 'AA', [], {}, true, '\ud800', 2 ** 53, 'ü'];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.keys(receipt)), fc.constantFrom(...values), async (member, value) => {
        fc.pre(JSON.stringify(receipt[member as keyof Receipt]) !== JSON.stringify(value));
        fc.pre(!(member.startsWith('anchor') && value === null));
        const report = await verify({ ...receipt, [member]: value });
        expect(report.ok).toBe(false);
        expect(report.firstBad!.detail).not.toBe('');
      }),
      { numRuns: 200 },
    );
  });
});
