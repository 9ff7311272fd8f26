import fc from 'fast-check';
import { canonicalJson, type JsonValue } from '#kernel';
import { FormatError, formatVkey, fromBase64, fromUtf8, noteKey, toBase64, verifyNote } from '#merkle';
import { endorseLogKey, followLogKeys, type LogKeyLink, nodeCrypto, parseLogKeys, verifyLogKeys } from './index.js';
import { RotatingLog } from './testing/rotating-log.js';
import { derived, signingKey } from './testing/sample-log.js';

const crypto = nodeCrypto;

/** Leaves and rotations: `.` appends an entry of a tenant, `R` changes the key. */
function logOf(script: string): RotatingLog {
  const log = new RotatingLog();
  for (const [at, step] of [...script].entries()) {
    if (step === 'R') log.rotate();
    else log.append(log.tenants[at % 2]!);
  }
  return log;
}

const copyOf = (links: LogKeyLink[]): LogKeyLink[] => structuredClone(links);

describe("the log's keys", () => {
  it('are followed from the pinned one to the one that signs, for every history and every size', async () => {
    await fc.assert(
      fc.asyncProperty(fc.stringMatching(/^[.R]{1,12}$/), fc.nat(), async (script, seed) => {
        const log = logOf(script);
        const size = 1 + (seed % log.size);
        const links = await log.links(size);
        const head = await log.head(size);
        // The oracle counts rotations below the size; the links know only indices.
        const rotated = log.rotations.filter((rotation) => rotation.index < size).length;
        const key = await verifyLogKeys(crypto, log.vkey, links, head);
        expect(formatVkey(key)).toBe(formatVkey(log.rotatedKeys[rotated]!.key));
        await expect(verifyNote(await log.checkpoint(size), [key], crypto.ed25519Verify)).resolves.toBeDefined();
        const schedule = await followLogKeys(crypto, log.vkey, links, head);
        for (let earlier = 0; earlier <= size; earlier++) {
          const by = log.rotations.filter((rotation) => rotation.index < earlier).length;
          expect(schedule.keyFor(earlier)).toEqual(log.rotatedKeys[by]!.key);
        }
        expect(schedule.keys).toEqual(log.rotatedKeys.slice(0, rotated + 1).map((one) => one.key));
      }),
      { numRuns: 60 },
    );
  });

  it('may be pinned anywhere in their row, and say nothing of what is older', async () => {
    const log = logOf('..R..R..');
    const [links, head] = [await log.links(), await log.head()];
    for (const [at, { key }] of log.rotatedKeys.entries()) {
      const schedule = await followLogKeys(crypto, formatVkey(key), links, head);
      expect(schedule.keyFor(log.size)).toEqual(log.rotatedKeys.at(-1)!.key);
      expect(schedule.keys).toHaveLength(log.rotatedKeys.length - at);
      if (at > 0) {
        const { index } = log.rotations[at - 1]!;
        expect(schedule.keyFor(index + 1)).toEqual(key);
        expect(() => schedule.keyFor(index)).toThrow('older than the pinned key');
      }
    }
  });

  it('of a log that never changed its key is the pinned one', async () => {
    const log = logOf('..');
    await expect(verifyLogKeys(crypto, log.vkey, [], await log.head())).resolves.toEqual(log.key);
  });

  it('hold each to its sizes: a checkpoint of the other key is refused on both sides of the entry', async () => {
    const log = logOf('...R..');
    const { index } = log.rotations[0]!;
    const [old, successor] = log.rotatedKeys.map((one) => one.key);
    const links = await log.links();
    // Up to the entry, the new key signs nothing: its link does not lead into such a tree.
    const early = await log.head(index);
    await expect(verifyLogKeys(crypto, log.vkey, links, early)).rejects.toThrow('signs nothing of');
    await expect(verifyLogKeys(crypto, log.vkey, [], early)).resolves.toEqual(old);
    // After it, the old key no longer does.
    const late = await log.head(index + 1);
    const key = await verifyLogKeys(crypto, log.vkey, await log.links(index + 1), late);
    expect(key).toEqual(successor);
    const schedule = await followLogKeys(crypto, log.vkey, links, await log.head());
    expect([schedule.keyFor(index), schedule.keyFor(index + 1)]).toEqual([old, successor]);
  });

  describe('are refused', () => {
    const log = logOf('..R.R...');
    const other = logOf('.R...R...');
    const stranger = signingKey(derived('a stranger'));
    const strangerKey = noteKey(crypto.sha256, log.origin, stranger.publicKey);

    async function refused(change: (links: LogKeyLink[]) => void, why: string, pinned = log.vkey) {
      const links = copyOf(await log.links());
      change(links);
      await expect(verifyLogKeys(crypto, pinned, links, await log.head())).rejects.toThrow(why);
      await expect(verifyLogKeys(crypto, pinned, links, await log.head())).rejects.toBeInstanceOf(FormatError);
    }

    it('when nobody or another than the key before endorsed the new one', async () => {
      const [first, second, third] = log.rotatedKeys;
      const by = (key: typeof first) => endorseLogKey(key!.key, key!.signer.sign, second!.key);
      await refused((links) => {
        links[0]!.endorsement = by(second);
      }, 'not endorsed by the key before it');
      await refused((links) => {
        links[0]!.endorsement = by(third);
      }, 'not endorsed by the key before it');
      await refused((links) => {
        links[0]!.endorsement = endorseLogKey(strangerKey, stranger.sign, second!.key);
      }, 'not endorsed by the key before it');
      await refused((links) => {
        links[0]!.endorsement = endorseLogKey(first!.key, first!.signer.sign, strangerKey);
      }, 'the endorsement is not that of');
    });

    it('when the key was exchanged, or the endorsement is good but not the one in the entry', async () => {
      const [first] = log.rotatedKeys;
      const endorsement = endorseLogKey(first!.key, first!.signer.sign, strangerKey);
      await refused((links) => {
        links[0]!.vkey = formatVkey(strangerKey);
      }, 'the endorsement is not that of');
      await refused((links) => {
        links[0]!.vkey = formatVkey(strangerKey);
        links[0]!.endorsement = endorsement;
      }, 'is not the rotation to the key');
      await refused(
        (links) => {
          links[0]!.endorsement += log.signed(1, derived('x')).split('\n\n')[1]!;
        },
        /wrong|endorsed/.exec('endorsed')![0],
      );
    });

    it('when the index, the proof, the entry or the tree is another', async () => {
      await refused((links) => {
        links[0]!.index -= 1;
      }, 'is not entry 3 of this tree');
      await refused((links) => {
        links[0]!.index = log.size;
      }, 'signs nothing of');
      await refused((links) => {
        links[0]!.proof.pop();
      }, 'is not entry');
      await refused((links) => {
        links[0]!.opening = links[1]!.opening;
      }, 'is not the rotation');
      await refused((links) => {
        links[0]!.opening.salt = toBase64(derived('a salt'));
      }, 'does not commit');
      const links = await log.links();
      await expect(verifyLogKeys(crypto, log.vkey, links, await other.head())).rejects.toThrow('of this tree');
    });

    it('when the entry is not one of the operator, or of another action', async () => {
      for (const change of [{ tenant: log.tenants[0]! }, { action: 'log-key.praised' }]) {
        const forged = new RotatingLog();
        const appendBody = forged.appendBody.bind(forged);
        forged.appendBody = (body) => appendBody({ ...body, ...change });
        forged.rotate();
        const links = await forged.links();
        await expect(verifyLogKeys(crypto, forged.vkey, links, await forged.head())).rejects.toThrow(
          'is not the rotation',
        );
      }
    });

    it('when one is left out, comes twice, or they are out of order', async () => {
      await refused((links) => links.splice(0, 1), 'not endorsed by the key before it');
      await refused((links) => links.reverse(), 'not endorsed by the key before it');
      await refused((links) => links.push(links[1]!), 'comes twice');
    });

    it('when they lead from another log, or to it', async () => {
      const elsewhere = new RotatingLog('freehold/other');
      elsewhere.rotate();
      await refused(() => undefined, 'of another log', elsewhere.vkey);
      await refused(() => undefined, 'not endorsed', formatVkey(strangerKey));
      await refused((links) => {
        links[0]!.vkey = elsewhere.rotations[0]!.vkey;
      }, 'of another log');
      expect(() => endorseLogKey(log.key, log.signer.sign, elsewhere.rotatedKeys[1]!.key)).toThrow('same log');
    });

    it('whatever character of a link is changed', async () => {
      const text = fromUtf8(canonicalJson((await log.links()) as unknown as JsonValue));
      const head = await log.head();
      await fc.assert(
        fc.asyncProperty(fc.nat(text.length - 1), fc.integer({ min: 1, max: 94 }), async (at, by) => {
          const changed = String.fromCharCode(33 + ((text.charCodeAt(at) - 33 + by + 94) % 94));
          fc.pre(changed !== text[at]);
          let links: LogKeyLink[];
          try {
            links = parseLogKeys(JSON.parse(text.slice(0, at) + changed + text.slice(at + 1)));
          } catch {
            return;
          }
          await expect(verifyLogKeys(crypto, log.vkey, links, head)).rejects.toThrow(/./);
        }),
        { numRuns: 300 },
      );
    });

    it('when the document has another form', async () => {
      const [link] = await log.links();
      const { opening } = link!;
      for (const value of [
        null,
        {},
        [null],
        [{ ...link, note: 1 }],
        [{ ...link, index: -1 }],
        [{ ...link, index: '2' }],
        [{ ...link, proof: 'x' }],
        [{ ...link, proof: [1] }],
        [{ ...link, opening: { ...opening, tenantSeq: 1.5 } }],
        [{ ...link, opening: { ...opening, leaf: null } }],
        [{ ...link, opening: { ...opening, v: 1 } }],
        new Array(257).fill(link),
      ]) {
        expect(() => parseLogKeys(value)).toThrow(FormatError);
      }
      expect(parseLogKeys(JSON.parse(JSON.stringify([link])))).toEqual([link]);
      expect(fromBase64(opening.salt)).toHaveLength(32);
    });
  });
});
