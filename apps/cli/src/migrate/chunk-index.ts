/**
 * Which chunks are packed already: a hash table in typed arrays, 24 bytes an entry, because a Map of a million strings
 * takes ten times as much. Compares the first 16 bytes of an id: it is an HMAC under a secret key, so that two chunks
 * collide there with a chance of 2^-65 among 2^32 chunks.
 */
export interface ChunkPlace {
  /** Which segment, by the client's own number. */
  segment: number;
  /** Which chunk of it. */
  index: number;
}

const ID_WORDS = 4;
const FIRST_CAPACITY = 1 << 12;
const FULLEST = 0.7;
const EMPTY = 0xffffffff;

export class ChunkIndex {
  private capacity = FIRST_CAPACITY;
  private ids = new Uint32Array(FIRST_CAPACITY * ID_WORDS);
  private segments = new Uint32Array(FIRST_CAPACITY).fill(EMPTY);
  private indexes = new Uint32Array(FIRST_CAPACITY);
  private count = 0;

  find(id: Buffer): ChunkPlace | null {
    const slot = this.slotOf(words(id));
    const segment = this.segments[slot]!;
    return segment === EMPTY ? null : { segment, index: this.indexes[slot]! };
  }

  /** Adds a chunk, or moves it to another place when it is there. */
  set(id: Buffer, { segment, index }: ChunkPlace): void {
    if (this.count >= this.capacity * FULLEST) this.grow();
    const key = words(id);
    const slot = this.slotOf(key);
    if (this.segments[slot] === EMPTY) this.count += 1;
    this.put(slot, key, segment, index);
  }

  private put(slot: number, key: readonly number[], segment: number, index: number): void {
    for (let word = 0; word < ID_WORDS; word += 1) this.ids[slot * ID_WORDS + word] = key[word]!;
    this.segments[slot] = segment;
    this.indexes[slot] = index;
  }

  /** The slot that holds the key, or the empty one where it belongs. Linear probing. */
  private slotOf(key: readonly number[]): number {
    const mask = this.capacity - 1;
    for (let slot = key[0]! & mask; ; slot = (slot + 1) & mask) {
      if (this.segments[slot] === EMPTY) return slot;
      const at = slot * ID_WORDS;
      if (
        this.ids[at] === key[0] &&
        this.ids[at + 1] === key[1] &&
        this.ids[at + 2] === key[2] &&
        this.ids[at + 3] === key[3]
      ) {
        return slot;
      }
    }
  }

  private grow(): void {
    const { ids, segments, indexes, capacity } = this;
    this.capacity = capacity * 2;
    this.ids = new Uint32Array(this.capacity * ID_WORDS);
    this.segments = new Uint32Array(this.capacity).fill(EMPTY);
    this.indexes = new Uint32Array(this.capacity);
    for (let slot = 0; slot < capacity; slot += 1) {
      const segment = segments[slot]!;
      if (segment === EMPTY) continue;
      const key = [...ids.subarray(slot * ID_WORDS, (slot + 1) * ID_WORDS)];
      this.put(this.slotOf(key), key, segment, indexes[slot]!);
    }
  }
}

function words(id: Buffer): number[] {
  return [id.readUInt32LE(0), id.readUInt32LE(4), id.readUInt32LE(8), id.readUInt32LE(12)];
}
