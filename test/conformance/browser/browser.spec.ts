import { execFile } from 'node:child_process';
import { createHash, createPublicKey, verify } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type * as merkleLibrary from '#merkle';
import type * as verifyReceiptModule from '../../../libs/proof/src/verify-receipt.js';
import type * as witnessPolicyModule from '../../../libs/proof/src/witness-policy.js';
import { BrowserRealm } from './browser-realm.js';

/**
 * The log's proofs and receipts are verified where nothing of Node is: in a realm with what browsers have, with the hash and the
 * signature check handed in; and in a real browser, where there is one.
 */
const json = (name: string) => JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), 'utf8'));

/** Stand for a page's own hash and for WebCrypto, whose answers come later. */
const sha256 = (data: Uint8Array) => Uint8Array.from(createHash('sha256').update(data).digest());
const hmacSha256 = (key: Uint8Array, message: Uint8Array) => {
  const block = (pad: number) => Uint8Array.from({ length: 64 }, (_, at) => (key[at] ?? 0) ^ pad);
  return sha256(Buffer.concat([block(0x5c), sha256(Buffer.concat([block(0x36), message]))]));
};
const ed25519Verify = async (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => {
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), publicKey]);
  return verify(null, message, createPublicKey({ key: der, format: 'der', type: 'spki' }), signature);
};

describe('in a realm without Node', () => {
  it('there is nothing of Node', () => {
    const { context } = new BrowserRealm();
    for (const name of ['Buffer', 'process', 'require', 'global', 'setImmediate']) expect(name in context).toBe(false);
  });

  it('a module of Node does not load', async () => {
    await expect(new BrowserRealm().load('libs/proof/src/node-crypto.ts')).rejects.toThrow(
      'a browser has no node:crypto',
    );
  });

  it('libs/merkle verifies inclusion and consistency, and makes them', async () => {
    const realm = new BrowserRealm();
    const merkle = await realm.load<typeof merkleLibrary>('libs/merkle/src/index.ts');
    expect(realm.files.every((file) => file.includes('/libs/merkle/src/'))).toBe(true);
    const hasher = new merkle.TreeHasher(sha256);
    const { inclusion, consistency } = json('transparency/merkle-proofs.json');
    const { fromBase64 } = merkle;
    for (const { leafIdx, treeSize, root, leafHash, proof, wantErr } of inclusion) {
      const claim = { index: leafIdx, size: treeSize, root: fromBase64(root), leafHash: fromBase64(leafHash) };
      expect(merkle.verifyInclusion(hasher, { ...claim, proof: proof.map(fromBase64) })).toBe(!wantErr);
    }
    for (const { size1, size2, root1, root2, proof, wantErr } of consistency) {
      const claim = { first: size1, second: size2, firstRoot: fromBase64(root1), secondRoot: fromBase64(root2) };
      expect(merkle.verifyConsistency(hasher, { ...claim, proof: proof.map(fromBase64) })).toBe(!wantErr);
    }
    const tree = merkle.TreeAppender.empty(hasher);
    const tiles = new Map<string, Uint8Array>();
    const leaves = Array.from({ length: 600 }, (_, at) => hasher.leaf(merkle.utf8(`entry ${at}`)));
    for (const { level, index, hashes } of tree.append(leaves)) tiles.set(`${level}/${index}`, hashes);
    const view = new merkle.TileTree(hasher, 600, ({ level, index }) => tiles.get(`${level}/${index}`)!);
    const proof = await view.inclusionProof(300);
    const root = tree.root();
    expect(merkle.verifyInclusion(hasher, { index: 300, size: 600, leafHash: leaves[300]!, proof, root })).toBe(true);
    const firstRoot = await view.root(257);
    const path = await view.consistencyProof(257);
    const claim = { first: 257, second: 600, firstRoot, secondRoot: root, proof: path };
    expect(merkle.verifyConsistency(hasher, claim)).toBe(true);
  });

  it('receipts are verified with all that they hold, and forgeries refused', async () => {
    const realm = new BrowserRealm();
    const { verifyReceipt } = await realm.load<typeof verifyReceiptModule>('libs/proof/src/verify-receipt.ts');
    const { witnessPolicy } = await realm.load<typeof witnessPolicyModule>('libs/proof/src/witness-policy.ts');
    const { logVkey, viewKey, rootPublicKey, witnesses, threshold, receipt, forgeries } =
      json('ledger/receipt-v2.json');
    const trust = {
      crypto: { sha256, hmacSha256, ed25519Verify },
      log: logVkey,
      viewKey: Uint8Array.from(Buffer.from(viewKey, 'hex')),
      rootPublicKey,
      witnesses: witnessPolicy({ sha256 }, witnesses, threshold),
    };
    const bytes = (document: unknown) => new TextEncoder().encode(JSON.stringify(document));
    const report = await verifyReceipt(bytes(receipt), { ...trust, requireSigned: true });
    expect(report.firstBad).toBeNull();
    expect(report.ok).toBe(true);
    for (const { step, receipt: forged } of forgeries) {
      expect((await verifyReceipt(bytes(forged), trust)).firstBad?.step).toBe(step);
    }
  });
});

describe('in Chromium', () => {
  const browser = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);

  it('libs/merkle verifies an inclusion and a consistency proof', async () => {
    if (!browser) {
      process.stderr.write('not tested: libs/merkle in Chromium, for there is no /usr/bin/chromium here\n');
      return;
    }
    const realm = new BrowserRealm();
    await realm.load('libs/merkle/src/index.ts');
    const page = realm.page('libs/merkle/src/index.ts', PAGE, json('transparency/merkle-proofs.json'));
    const { stdout } = await promisify(execFile)(browser, [
      ...['--headless', '--no-sandbox', '--disable-gpu', '--virtual-time-budget=10000', '--dump-dom'],
      `data:text/html;base64,${Buffer.from(page).toString('base64')}`,
    ]);
    expect(stdout).toContain('<body>verified</body>');
  });
});

/** SHA-256 of FIPS 180-4 for a page, whose own digests come later, and the checks. */
const PAGE = `
const K = Array.from({ length: 64 }, (_, i) => [...primes()].at(i)).map((p) => Math.floor((Math.cbrt(p) % 1) * 2 ** 32));
function* primes() { for (let n = 2, c = 0; c < 64; n++) { let is = true; for (let d = 2; d * d <= n; d++) if (n % d === 0) is = false; if (is) { c++; yield n; } } }
function sha256(data) {
  const H = [...primes()].slice(0, 8).map((p) => Math.floor((Math.sqrt(p) % 1) * 2 ** 32));
  const length = Math.ceil((data.length + 9) / 64) * 64;
  const padded = new Uint8Array(length); padded.set(data); padded[data.length] = 128;
  const view = new DataView(padded.buffer); view.setUint32(length - 4, data.length * 8);
  const r = (x, n) => (x >>> n) | (x << (32 - n));
  for (let o = 0; o < length; o += 64) {
    const w = Array.from({ length: 16 }, (_, i) => view.getUint32(o + i * 4));
    for (let i = 16; i < 64; i++) w[i] = (w[i - 16] + (r(w[i - 15], 7) ^ r(w[i - 15], 18) ^ (w[i - 15] >>> 3)) + w[i - 7] + (r(w[i - 2], 17) ^ r(w[i - 2], 19) ^ (w[i - 2] >>> 10))) >>> 0;
    let [a, b, c, d, e, f, g, h] = H;
    for (let i = 0; i < 64; i++) {
      const t1 = (h + (r(e, 6) ^ r(e, 11) ^ r(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i]) >>> 0;
      const t2 = ((r(a, 2) ^ r(a, 13) ^ r(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) >>> 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) >>> 0, c, b, a, (t1 + t2) >>> 0];
    }
    [a, b, c, d, e, f, g, h].forEach((v, i) => { H[i] = (H[i] + v) >>> 0; });
  }
  const out = new Uint8Array(32); H.forEach((v, i) => new DataView(out.buffer).setUint32(i * 4, v)); return out;
}
const hasher = new merkle.TreeHasher(sha256);
const b = merkle.fromBase64;
const good = vectors.inclusion.every((v) => merkle.verifyInclusion(hasher, { index: v.leafIdx, size: v.treeSize, root: b(v.root), leafHash: b(v.leafHash), proof: v.proof.map(b) }) === !v.wantErr)
  && vectors.consistency.every((v) => merkle.verifyConsistency(hasher, { first: v.size1, second: v.size2, firstRoot: b(v.root1), secondRoot: b(v.root2), proof: v.proof.map(b) }) === !v.wantErr);
document.body.textContent = good ? 'verified' : 'refused';
`;
