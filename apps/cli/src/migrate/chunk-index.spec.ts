import { randomBytes } from 'node:crypto';
import { ChunkIndex } from './chunk-index.js';

describe('the chunk index', () => {
  it('finds what was put in and nothing else, through many growths', () => {
    const index = new ChunkIndex();
    const known = new Map<string, { segment: number; index: number }>();
    for (let number = 0; number < 20_000; number += 1) {
      const id = randomBytes(32);
      const place = { segment: number % 1000, index: number };
      known.set(id.toString('hex'), place);
      index.set(id, place);
    }
    for (const [id, place] of known) expect(index.find(Buffer.from(id, 'hex'))).toEqual(place);
    for (let number = 0; number < 5_000; number += 1) expect(index.find(randomBytes(32))).toBeNull();
  });

  it('tells ids apart that collide in their slot', () => {
    const index = new ChunkIndex();
    const ids = Array.from({ length: 3_000 }, (_, number) => {
      const id = Buffer.alloc(32);
      id.writeUInt32LE(number, 12);
      return id;
    });
    for (const [number, id] of ids.entries()) index.set(id, { segment: 0, index: number });
    for (const [number, id] of ids.entries()) expect(index.find(id)).toEqual({ segment: 0, index: number });
  });

  it('moves a chunk that is packed again', () => {
    const index = new ChunkIndex();
    const id = randomBytes(32);
    index.set(id, { segment: 1, index: 2 });
    index.set(id, { segment: 7, index: 0 });
    expect(index.find(id)).toEqual({ segment: 7, index: 0 });
  });
});
