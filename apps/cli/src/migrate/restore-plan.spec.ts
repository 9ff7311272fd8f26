import { randomBytes } from 'node:crypto';
import {
  CorruptDatasetError,
  chunkId,
  deriveDatasetKeys,
  FileHasher,
  newDatasetKey,
  type TreeFile,
  type TreeSegment,
} from '#dataset';
import { newId } from '#kernel';
import { GrowingNumbers } from './growing-numbers.js';
import { chunkStart, RestorePlan } from './restore-plan.js';

const keys = deriveDatasetKeys(newId('dataset'), newDatasetKey());
const chunks = Array.from({ length: 4 }, (_, index) => randomBytes(10 * (index + 1)));
const ids = chunks.map((chunk) => chunkId(keys, chunk));
const segment: TreeSegment = {
  t: 'segment',
  n: 3,
  id: newId('segment'),
  chunks: chunks.map((chunk, index) => [ids[index]!.toString('base64'), chunk.length]),
};

function file(path: string, order: number[]): TreeFile {
  const hasher = new FileHasher(keys);
  for (const index of order) hasher.add(ids[index]!, chunks[index]!.length);
  return {
    t: 'file',
    path,
    mode: 0o600,
    mtime: '0',
    size: order.reduce((sum, index) => sum + chunks[index]!.length, 0),
    hash: hasher.digest().toString('base64'),
    chunks: order.map((index) => [3, index, 1]),
  };
}

describe('the plan of a restore', () => {
  it('says of a segment which of its chunks belong where', () => {
    const plan = new RestorePlan(keys);
    plan.add(segment);
    plan.add(file('one', [2, 0]));
    plan.add({ ...file('two', [1, 2, 3]), chunks: [[3, 1, 3]] });
    const [needed, ...rest] = [...plan.neededSegments()];
    expect(rest).toEqual([]);
    expect(needed!.stretches).toEqual([
      { first: 2, count: 1, file: 0, offset: 0 },
      { first: 0, count: 1, file: 0, offset: 30 },
      { first: 1, count: 3, file: 1, offset: 0 },
    ]);
    expect([0, 1, 2, 3].map((index) => chunkStart(needed!.segment, index))).toEqual([0, 10, 30, 60]);
  });

  it('refuses a file whose keyed hash is not that of its chunks', () => {
    const plan = new RestorePlan(keys);
    plan.add(segment);
    const swapped = { ...file('one', [0, 1]), chunks: file('one', [1, 0]).chunks };
    expect(() => plan.add(swapped)).toThrow(CorruptDatasetError);
    expect(() => plan.add({ ...file('one', [0, 1]), hash: randomBytes(32).toString('base64') })).toThrow(
      CorruptDatasetError,
    );
  });
});

describe('a growing list of numbers', () => {
  it('keeps every number, also beyond 32 bits', () => {
    const list = new GrowingNumbers(Float64Array);
    for (let number = 0; number < 5_000; number += 1) expect(list.push(number * 2 ** 31)).toBe(number);
    for (let number = 0; number < 5_000; number += 1) expect(list.at(number)).toBe(number * 2 ** 31);
    expect(() => list.at(5_000)).toThrow(RangeError);
  });
});
