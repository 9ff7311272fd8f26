import fc from 'fast-check';
import {
  Anchor,
  Change,
  Create,
  Equivocate,
  GivePromise,
  KEYS,
  LOGS,
  type Real,
  Report,
  ReportFork,
  type Signing,
  Wait,
} from './registry-commands.js';
import type { ModelSignature, RegistryModel, Tree } from './registry-model.js';

const log = fc.nat(LOGS - 1);
const key = fc.nat(KEYS - 1);
/** Mostly ascending and without duplicates, as who means well brings them. */
const someKeys = fc.uniqueArray(key, { minLength: 1, maxLength: KEYS }).map((keys) => [...keys].sort((a, b) => a - b));
const signing: fc.Arbitrary<Signing> = fc.record({
  keys: fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: someKeys }),
  forged: fc.oneof({ weight: 8, arbitrary: fc.constant(-1) }, { weight: 1, arbitrary: fc.nat(KEYS - 1) }),
});
const set = fc.record({
  threshold: fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 1, max: 2 }) }, { weight: 1, arbitrary: fc.nat(4) }),
  signers: someKeys,
});
const forkedAt = fc.oneof({ weight: 3, arbitrary: fc.constant(99) }, { weight: 1, arbitrary: fc.nat(12) });
const tree: fc.Arbitrary<Tree> = fc.record({ size: fc.integer({ min: 1, max: 9 }), forkedAt });
const signature: fc.Arbitrary<ModelSignature> = fc.record({
  key,
  forged: fc.oneof({ weight: 8, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
});
const wrong = fc.oneof(
  { weight: 8, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.constantFrom('epoch' as const, 'prev' as const) },
);

/** What parties may do, in any order. */
export function registryCommands(length: number) {
  return fc.commands<RegistryModel, Real, false>(
    [
      fc.tuple(log, set, signing).map(([at, of, by]) => new Create(at, of, by)),
      fc.tuple(log, set, fc.nat(4), signing).map(([at, of, stale, by]) => new Change(at, of, stale === 0, by)),
      fc
        .tuple(log, fc.integer({ min: -1, max: 4 }), forkedAt, wrong, signing)
        .map(([at, growth, fork, how, by]) => new Anchor(at, growth, fork, how, by)),
      fc
        .tuple(log, tree, forkedAt, fc.tuple(signature, signature), fc.boolean())
        .map(([at, one, fork, [a, b], alone]) => {
          return new Equivocate(at, [one, { ...one, forkedAt: fork }], [a, alone ? { ...b, key: a.key } : b]);
        }),
      fc
        .tuple(log, tree, fc.option(fc.integer({ min: -24, max: 12 }), { freq: 9 }), signature)
        .map(([at, of, hours, by]) => new GivePromise(at, of, hours, by)),
      fc.constant(new Wait(0)),
      fc.tuple(log, fc.nat(9), fc.nat(5)).map(([at, which, dice]) => new Report(at, which, dice === 0)),
      fc
        .tuple(
          ...([
            log,
            tree,
            fc.record({ which: fc.nat(5), forkedAt: fc.option(fc.nat(9), { freq: 4 }) }),
            fc.nat(13),
          ] as const),
          ...([signature, fc.constantFrom('promise' as const, 'head' as const)] as const),
        )
        .map(([at, of, shown, index, by, kind]) => new ReportFork(at, of, shown, index, by, kind)),
    ],
    { maxCommands: length, size: 'max' },
  );
}
