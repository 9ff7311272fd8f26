import { readFileSync } from 'node:fs';
import { parseValidatorSet, verifyAnchorPromise, verifyAnchorProof } from './index.js';

interface Vectors {
  origin: string;
  promise: object;
  proof: { blockHash: string };
  /** A validators file. */
  validators: object;
  /** Edits of members, and what must fail because of them. */
  mustFail: { what: string; of: 'promise' | 'proof'; change: object; pins: ('block' | 'validators')[] }[];
}

const vectors: Vectors = JSON.parse(
  readFileSync(new URL('../../../test/conformance/ledger/anchor-evidence-v1.json', import.meta.url), 'utf8'),
);
const { origin, promise, proof } = vectors;
const validators = parseValidatorSet(Buffer.from(JSON.stringify(vectors.validators)));
const pins = { block: { blockHash: proof.blockHash }, validators: { validators } };

describe('the vectors of anchor promises and proofs', () => {
  it('hold', async () => {
    expect(verifyAnchorPromise(promise, { origin })).toEqual(promise);
    expect((await verifyAnchorProof(proof, { origin, ...pins.block, ...pins.validators })).pinned).toEqual([
      'block',
      'validators',
    ]);
  });

  it.each(vectors.mustFail)('fail: $what', async ({ of, change, pins: names }) => {
    const options = Object.assign({ origin }, ...names.map((name) => pins[name]));
    const verify = async () =>
      of === 'promise'
        ? verifyAnchorPromise({ ...promise, ...change }, { origin })
        : verifyAnchorProof({ ...proof, ...change }, options);
    await expect(verify()).rejects.toThrow();
  });
});
