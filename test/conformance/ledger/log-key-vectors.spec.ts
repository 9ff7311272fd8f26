import { createHash, createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { formatVkey, parseCheckpoint, parseNote, verifyNote } from '#merkle';
import { followLogKeys, type LogKeyLink, nodeCrypto, parseLogKeys, verifyLogKeys } from '#proof';

/** The published vectors of a log that changes its key, and for one link the same again with nothing but node:crypto. */
const vector: {
  origin: string;
  pinned: string;
  checkpoint: string;
  links: LogKeyLink[];
  signedBy: { size: number; vkey: string; checkpoint: string }[];
  forgeries: { why: string; links: unknown }[];
} = JSON.parse(readFileSync(new URL('log-keys-v1.json', import.meta.url), 'utf8'));
const head = parseCheckpoint(parseNote(vector.checkpoint).text);
const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();

describe("the log's keys", () => {
  it('lead from the pinned one to that of the newest checkpoint', async () => {
    const key = await verifyLogKeys(nodeCrypto, vector.pinned, parseLogKeys(vector.links), head);
    await expect(verifyNote(vector.checkpoint, [key], nodeCrypto.ed25519Verify)).resolves.toBeDefined();
  });

  it.each(vector.signedBy)('say who signed the checkpoint of $size', async ({ size, vkey, checkpoint }) => {
    const schedule = await followLogKeys(nodeCrypto, vector.pinned, vector.links, head);
    expect(formatVkey(schedule.keyFor(size))).toBe(vkey);
    await expect(verifyNote(checkpoint, [schedule.keyFor(size)], nodeCrypto.ed25519Verify)).resolves.toBeDefined();
  });

  it.each(vector.forgeries)('with $why are refused', async ({ links }) => {
    const verified = async () => verifyLogKeys(nodeCrypto, vector.pinned, parseLogKeys(links), head);
    await expect(verified()).rejects.toThrow(/./);
  });

  it('are what the formulas give', () => {
    const [link] = vector.links;
    const [text, lines] = link!.endorsement.split('\n\n') as [string, string];
    expect(`${text}\n`).toBe(`freehold log-key v1\n${vector.origin}\n${link!.vkey}\n`);
    const publicKey = Buffer.from(vector.pinned.split('+').slice(2).join('+'), 'base64').subarray(1);
    const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), publicKey]);
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    const signature = Buffer.from(lines.trimEnd().split(' ').at(-1)!, 'base64').subarray(4);
    expect(verify(null, Buffer.from(`${text}\n`), key, signature)).toBe(true);
    const body = JSON.parse(Buffer.from(link!.opening.body, 'base64').toString());
    expect(body.after).toEqual({ vkey: link!.vkey, endorsement: link!.endorsement });
    // RFC 9162 section 2.1.3.2, written out.
    let hash = sha256(Buffer.of(0), Buffer.from(link!.opening.leaf, 'base64'));
    let [node, last] = [link!.index, head.size - 1];
    for (const sibling of link!.proof.map((one) => Buffer.from(one, 'base64'))) {
      if (node % 2 === 1 || node === last) {
        hash = sha256(Buffer.of(1), sibling, hash);
        while (node % 2 === 0 && node !== 0) [node, last] = [node >> 1, last >> 1];
      } else {
        hash = sha256(Buffer.of(1), hash, sibling);
      }
      [node, last] = [node >> 1, last >> 1];
    }
    expect(hash.equals(head.root)).toBe(true);
  });
});
