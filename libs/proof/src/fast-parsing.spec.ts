import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { canonicalJson, type JsonValue } from '#kernel';
import { concatBytes, equalBytes, fromUtf8, toHex, utf8 } from '#merkle';
import { parseCanonical } from './canonical-parse.js';
import { encodeLeaf, type LedgerLeaf, nodeCrypto, parseLeaf } from './index.js';
import { parseAnyLine, parsePlainLeaf } from './parse-bundle-line.js';
import { SampleLog } from './testing/sample-log.js';

/**
 * What is read a million times is read in a fast way. Each fast way is held against the plain one, which writes the canonical
 * form anew and compares: it may leave a text to the plain one, but never judge it differently.
 */

/** Edits that a parser which skips something would not see: one byte, a piece that comes twice, goes, or moves. */
const edit = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: fc.nat(), with: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ kind: fc.constant('insert' as const), at: fc.nat(), with: fc.integer({ min: 0, max: 255 }) }),
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat(), with: fc.integer({ min: 1, max: 20 }) }),
  fc.record({ kind: fc.constant('double' as const), at: fc.nat(), with: fc.integer({ min: 1, max: 20 }) }),
);

function edited(bytes: Uint8Array, { kind, at, with: value }: { kind: string; at: number; with: number }): Uint8Array {
  const place = at % (bytes.length + 1);
  const [before, after] = [bytes.subarray(0, place), bytes.subarray(place)];
  if (kind === 'insert') return concatBytes(before, Uint8Array.of(value), after);
  if (kind === 'cut') return concatBytes(before, after.subarray(value));
  if (kind === 'double') return concatBytes(before, after.subarray(0, value), after);
  return bytes.map((byte, index) => (index === place ? byte ^ value : byte));
}

function outcomeOf<T>(work: () => T): { value: T } | 'refused' {
  try {
    return { value: work() };
  } catch {
    return 'refused';
  }
}

const log = new SampleLog();
for (let at = 0; at < 20; at++) log.append(log.tenants[at % 2]!);

describe('a leaf line of a bundle', () => {
  const evidence = { document: 'QUJD', salt: 'BPPpqkXPXU1VTqsAMn0ObDqsSSaN2r8g0e6vLWmAfzU=' };
  let lines: Uint8Array[];
  beforeAll(async () => {
    const written = (await log.bundle(log.tenants[0]!)).map((line) => line.slice(0, -1));
    const leaves = written.filter((line) => fromUtf8(line).includes('"type":"leaf"'));
    const opened = leaves.find((line) => fromUtf8(line).includes('"body"'))!;
    const signed = utf8(fromUtf8(opened).replace('"evidence":null', `"evidence":${JSON.stringify(evidence)}`));
    const erased = utf8(fromUtf8(leaves[3]!).replace('"entry":null', '"entry":{"erased":true,"id":"led-x","seq":3}'));
    lines = [...written, signed, erased];
  });

  it('is read in the fast way as it is in the plain one, or left to it', () => {
    const read = lines.filter((line) => parsePlainLeaf(line) !== null);
    expect(read.length).toBeGreaterThan(20);
    for (const line of read) expect(parsePlainLeaf(line)).toEqual(parseAnyLine(line, 2));
  });

  it('that was edited is never taken where the plain way would not', () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(edit, { minLength: 1, maxLength: 3 }), (at, edits) => {
        const line = edits.reduce(edited, lines[at % lines.length]!);
        const fast = parsePlainLeaf(line);
        if (fast) expect(outcomeOf(() => parseAnyLine(line, 2))).toEqual({ value: fast });
      }),
      { numRuns: 4000 },
    );
    for (const line of lines.slice(4, 8)) {
      for (let at = 0; at < line.length; at++) {
        const changed = edited(line, { kind: 'flip', at, with: 1 });
        const fast = parsePlainLeaf(changed);
        if (fast) expect(outcomeOf(() => parseAnyLine(changed, 2))).toEqual({ value: fast });
      }
      for (const odd of ['\ufeff', ' ', '\n', '\0', 'é', '\ud83d\ude00']) {
        expect(parsePlainLeaf(utf8(odd + fromUtf8(line)))).toBeNull();
        expect(parsePlainLeaf(utf8(fromUtf8(line) + odd))).toBeNull();
        const inside = utf8(fromUtf8(line).replace('"leaf":"', `"leaf":"${odd}`));
        const fast = parsePlainLeaf(inside);
        if (fast) expect(outcomeOf(() => parseAnyLine(inside, 2))).toEqual({ value: fast });
      }
    }
  });
});

describe('canonical JSON', () => {
  /** The plain way. */
  const slowly = (bytes: Uint8Array): JsonValue => {
    const value = JSON.parse(fromUtf8(bytes)) as JsonValue;
    if (!equalBytes(canonicalJson(value), bytes)) throw new Error('not canonical');
    return value;
  };
  const both = (bytes: Uint8Array) => {
    expect(outcomeOf(() => parseCanonical(bytes, 'text'))).toEqual(outcomeOf(() => slowly(bytes)));
  };

  it('is what writing it anew gives, for any value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        both(utf8(JSON.stringify(value)));
        const canonical = outcomeOf(() => canonicalJson(value as JsonValue));
        if (canonical !== 'refused') expect(parseCanonical(canonical.value, 'text')).toEqual(slowly(canonical.value));
      }),
      { numRuns: 3000 },
    );
  });

  it('is told from what was edited as writing it anew tells it', () => {
    const body = log.entries[5]!.body;
    fc.assert(
      fc.property(fc.jsonValue(), fc.boolean(), fc.array(edit, { minLength: 1, maxLength: 3 }), (value, own, edits) => {
        both(edits.reduce(edited, own ? body : utf8(JSON.stringify(value))));
      }),
      { numRuns: 4000 },
    );
  });

  it.each([
    '{"b":1,"a":2}',
    '{"a":1,"a":1}',
    '{"10":1,"9":2}',
    '{"9":2,"10":1}',
    '{"__proto__":1}',
    '{"toJSON":1}',
    '{"a":"\\ud800"}',
    '{"a":"\\\\ud800"}',
    '{"\\ud800":1}',
    '"\\u00e9"',
    '"é"',
    '"\\u001f"',
    '"\\u2028"',
    '"\u2028"',
    '-0',
    '1.0',
    '1e3',
    '1e21',
    '1e+21',
    '9007199254740991',
    '9007199254740992',
    '9007199254740993',
    '0.1',
    '1E400',
    '[1,2 ]',
    ' []',
    '\ufeff[]',
    '',
  ])('%j', (text) => both(utf8(text)));
});

describe('a leaf', () => {
  const slowly = (bytes: Uint8Array) => {
    const leaf = parseCanonical(bytes, 'leaf') as LedgerLeaf;
    const hashes = [leaf.tag, leaf.commit].every((hash) => /^[0-9a-f]{64}$/.test(hash));
    if (Object.keys(leaf).join() !== 'commit,origin,tag,v' || leaf.v !== 2 || !hashes) throw new Error('no leaf');
    if (typeof leaf.origin !== 'string' || leaf.origin === '') throw new Error('no origin');
    return leaf;
  };

  it('is read in the fast way as it is in the plain one', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.array(edit, { maxLength: 2 }), (name, edits) => {
        const leaf = encodeLeaf(nodeCrypto, {
          origin: name,
          viewKey: new Uint8Array(32),
          salt: new Uint8Array(32),
          body: utf8(name),
          tenantSeq: 1,
          prevHash: new Uint8Array(32),
        });
        const bytes = edits.reduce(edited, leaf);
        expect(outcomeOf(() => parseLeaf(bytes))).toEqual(outcomeOf(() => slowly(bytes)));
      }),
      { numRuns: 3000 },
    );
  });
});

it('HMAC-SHA-256 is that of node:crypto, for keys and messages of every length', () => {
  const bytes = fc.uint8Array({ maxLength: 200 });
  fc.assert(
    fc.property(bytes, bytes, (key, message) => {
      expect(toHex(nodeCrypto.hmacSha256(key, message))).toBe(createHmac('sha256', key).update(message).digest('hex'));
    }),
  );
});
