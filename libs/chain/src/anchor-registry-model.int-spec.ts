import { randomInt } from 'node:crypto';
import fc from 'fast-check';
import { hex, treePath, treeRoot } from './testing/naive-tree.js';
import { registryCommands } from './testing/registry-arbitraries.js';
import { KEYS, LOGS, type Real } from './testing/registry-commands.js';
import { leavesOf, RegistryModel, rootOf, type Tree } from './testing/registry-model.js';
import { linkOf, newKeys, RegistryStage, random32 } from './testing/registry-stage.js';

const RUNS = 30;
const COMMANDS = 40;

/** Drawn anew each time; the same one again: FREEHOLD_TEST_SEED. */
const seed = Number(process.env.FREEHOLD_TEST_SEED ?? randomInt(2 ** 31));
let stage: RegistryStage;

beforeAll(async () => {
  process.stdout.write(`seed ${seed}: run again with FREEHOLD_TEST_SEED=${seed}\n`);
  stage = await RegistryStage.open();
});
afterAll(() => stage.close());

describe('AnchorRegistry against a model of it', () => {
  it('decides as the model does whatever honest and dishonest parties bring, in any order', async () => {
    let now = await stage.now();
    const sent = { accepted: 0, refused: 0, disabled: 0 };
    await fc.assert(
      fc.asyncProperty(fc.noBias(registryCommands(COMMANDS)), async (commands) => {
        const keys = newKeys(KEYS);
        const logs = Array.from({ length: LOGS }, random32);
        const model = new RegistryModel(keys.map(({ address }) => address));
        const real: Real = { stage, keys, logs, now, promises: [], sent };
        try {
          await fc.asyncModelRun(() => ({ model, real }), commands);
        } finally {
          // The node's time goes on, also from a run that failed to the one that makes it shorter.
          now = real.now;
        }
        for (const log of model.logs.values()) sent.disabled += log.disabled.size;
      }),
      { seed, numRuns: RUNS, endOnFailure: false },
    );
    process.stdout.write(`${JSON.stringify(sent)}\n`);
    // A run in which nothing was ever accepted or refused would show nothing.
    expect(sent.accepted).toBeGreaterThan(RUNS);
    expect(sent.refused).toBeGreaterThan(RUNS);
  });

  it('agrees on inclusion with RFC 6962, word for word, over random trees, indexes and edits', async () => {
    const sizes = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 41, max: 400 }));
    const edits = fc.constantFrom('none', 'leaf', 'drop', 'add', 'swap', 'flip', 'index', 'size');
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), edits, fc.nat(), async (size, at, edit, dice) => {
        const tree: Tree = { size, forkedAt: size };
        const leaves = leavesOf(tree);
        const log = await stage.createLog(1, 1);
        await stage.anchor(log, linkOf(log, BigInt(size), rootOf(tree)));
        const index = at % size;
        const claim = editClaim(edit, dice, {
          ...{ size, index, leaf: leaves[index]!, path: treePath(index, leaves) },
        });
        const verdict = await stage.verifyInclusion(log.logId, claim);
        expect(verdict).toBe(isIncluded(claim, tree));
      }),
      { seed, numRuns: 60 },
    );
  });
});

interface Claim {
  size: number;
  index: number;
  leaf: Buffer;
  path: Buffer[];
}

function editClaim(edit: string, dice: number, claim: Claim): Claim {
  const { size, index, leaf, path } = claim;
  const at = path.length === 0 ? 0 : dice % path.length;
  switch (edit) {
    case 'leaf':
      return { ...claim, leaf: Buffer.concat([leaf, Buffer.from('x')]) };
    case 'drop':
      return { ...claim, path: path.filter((_, place) => place !== at) };
    case 'add':
      return { ...claim, path: [...path.slice(0, at), treeRoot([leaf]), ...path.slice(at)] };
    case 'swap':
      return { ...claim, path: [...path].reverse() };
    case 'flip':
      return { ...claim, path: path.map((hash, place) => (place === at ? flipped(hash, dice) : hash)) };
    case 'index':
      return { ...claim, index: dice % (size + 2) };
    case 'size':
      return { ...claim, size: size + 1, index };
    default:
      return claim;
  }
}

function flipped(hash: Buffer, dice: number): Buffer {
  const copy = Buffer.from(hash);
  copy[dice % 32]! ^= 1 << (dice % 8);
  return copy;
}

/** There is one path for each leaf of a tree, and it is known here. */
function isIncluded({ size, index, leaf, path }: Claim, tree: Tree): boolean {
  if (size !== tree.size || index >= size) return false;
  const leaves = leavesOf(tree);
  const right = treePath(index, leaves);
  return leaf.equals(leaves[index]!) && right.map(hex).join() === path.map(hex).join();
}
