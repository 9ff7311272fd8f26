import { NotEnoughShardsError, ShardError } from './erasure.errors.js';
import { defaultKernel, type GaloisKernel } from './galois-kernel.js';
import { inverted, type Matrix, pickRows, product, systematicMatrix } from './galois-matrix.js';

/** A code of k data shards and m parity shards: any k of the k+m give the segment back. */
export interface CodeShape {
  /** k, at least 1. */
  dataShards: number;
  /** m, at least 0; k+m is at most 256. */
  parityShards: number;
}

/** The shards of a segment by their index, 0 to k+m-1, data shards first. Those that are not at hand are null or missing. */
export type AvailableShards = readonly (Uint8Array | null | undefined)[];

const MAX_SHARDS = 256;

/**
 * Systematic Reed-Solomon code over GF(2^8); the matrix is that of `systematicMatrix`.
 *
 * Form of the shards: each has `ceil(segmentBytes / k)` bytes. The segment, followed by as many zero bytes as are missing
 * from `k * shardBytes`, is cut into k consecutive parts, the data shards; an empty segment has empty shards. The segment's
 * length is not in the shards: the caller keeps it. Parity shard p at offset x depends on the data shards at offset x only.
 *
 * Decoding does not notice a wrong byte in a shard (erasures are corrected, errors are not): check each shard against its
 * root (`shardRoot`) before it goes in.
 */
export class ReedSolomon {
  readonly dataShards: number;
  readonly parityShards: number;
  readonly #matrix: Matrix;

  /** @throws RangeError when the shape is out of range */
  constructor(
    { dataShards, parityShards }: CodeShape,
    private readonly kernel: GaloisKernel = defaultKernel(),
  ) {
    const whole = Number.isInteger(dataShards) && Number.isInteger(parityShards);
    if (!whole || dataShards < 1 || parityShards < 0 || dataShards + parityShards > MAX_SHARDS) {
      throw new RangeError(
        `a code has at least 1 data shard, no negative number of parity shards and at most ${MAX_SHARDS} in all, ` +
          `not ${dataShards} + ${parityShards}`,
      );
    }
    this.dataShards = dataShards;
    this.parityShards = parityShards;
    this.#matrix = systematicMatrix(dataShards, this.totalShards);
  }

  /** k+m. */
  get totalShards(): number {
    return this.dataShards + this.parityShards;
  }

  /** The length in bytes of each shard of a segment of so many bytes. */
  shardBytes(segmentBytes: number): number {
    if (!Number.isSafeInteger(segmentBytes) || segmentBytes < 0) {
      throw new RangeError(`${segmentBytes} is not the length of a segment`);
    }
    return Math.ceil(segmentBytes / this.dataShards);
  }

  /**
   * All k+m shards of a segment. Data shards without padding are views of the segment, which therefore must not be written
   * to while they are in use.
   * @param room where the other shards go, as far as it reaches; whoever encodes many segments gives the same one again
   */
  encode(segment: Uint8Array, room: Uint8Array = new Uint8Array(0)): Uint8Array[] {
    const shardBytes = this.shardBytes(segment.length);
    let used = 0;
    const allot = (): Uint8Array => {
      if (used + shardBytes > room.length) return new Uint8Array(shardBytes);
      used += shardBytes;
      return room.subarray(used - shardBytes, used);
    };
    const data = Array.from({ length: this.dataShards }, (_, index) => {
      const part = placeOf(segment, index, shardBytes);
      return part.length === shardBytes ? part : padded(part, allot());
    });
    const parity = Array.from({ length: this.parityShards }, allot);
    const { columns, cells } = this.#matrix;
    this.kernel.multiply(cells.subarray(this.dataShards * columns), data, parity);
    return [...data, ...parity];
  }

  /**
   * The segment from any k of its shards.
   * @throws NotEnoughShardsError with fewer than k
   * @throws ShardError when a shard has the wrong length, or the padding is not zero (a shard is wrong, or the length is)
   */
  decode(shards: AvailableShards, segmentBytes: number): Uint8Array {
    const shardBytes = this.shardBytes(segmentBytes);
    this.#checkLengths(shards, shardBytes);
    const segment = new Uint8Array(segmentBytes);
    const missing = this.#missingData(shards);
    const rebuilt = missing.map((index) => {
      // A data shard without padding is rebuilt where it belongs.
      const place = placeOf(segment, index, shardBytes);
      return place.length === shardBytes ? place : new Uint8Array(shardBytes);
    });
    this.#rebuild(shards, missing, rebuilt);
    for (let index = 0; index < this.dataShards; index++) {
      const place = placeOf(segment, index, shardBytes);
      const shard = shards[index] ?? rebuilt[missing.indexOf(index)]!;
      if (shard.buffer !== segment.buffer) place.set(shard.subarray(0, place.length));
      if (!isZero(shard.subarray(place.length))) {
        throw new ShardError(`the padding of data shard ${index} is not zero: check the shards against their roots`);
      }
    }
    return segment;
  }

  /**
   * The shards with the wanted indexes, in that order, from any k others. A wanted shard that is at hand is not used: what
   * is under repair does not vouch for itself.
   * @throws NotEnoughShardsError with fewer than k others
   * @throws ShardError when a shard has the wrong length
   * @throws RangeError when a wanted index is not one of this code
   */
  reconstruct(shards: AvailableShards, wanted: readonly number[], segmentBytes: number): Uint8Array[] {
    const shardBytes = this.shardBytes(segmentBytes);
    for (const index of wanted) {
      if (!Number.isInteger(index) || index < 0 || index >= this.totalShards) {
        throw new RangeError(`there is no shard ${index} in a code of ${this.totalShards}`);
      }
    }
    this.#checkLengths(shards, shardBytes);
    const others = shards.map((shard, index) => (wanted.includes(index) ? null : shard));
    const rebuilt = emptyShards(wanted.length, shardBytes);
    this.#rebuild(others, wanted, rebuilt);
    return rebuilt;
  }

  #missingData(shards: AvailableShards): number[] {
    const missing: number[] = [];
    for (let index = 0; index < this.dataShards; index++) if (!shards[index]) missing.push(index);
    return missing;
  }

  #rebuild(shards: AvailableShards, wanted: readonly number[], targets: readonly Uint8Array[]): void {
    if (wanted.length === 0) return;
    const chosen: number[] = [];
    const sources: Uint8Array[] = [];
    for (let index = 0; index < shards.length && chosen.length < this.dataShards; index++) {
      const shard = shards[index];
      if (!shard) continue;
      chosen.push(index);
      sources.push(shard);
    }
    if (chosen.length < this.dataShards) throw new NotEnoughShardsError(chosen.length, this.dataShards);
    const fromChosen = inverted(pickRows(this.#matrix, chosen));
    this.kernel.multiply(product(pickRows(this.#matrix, wanted), fromChosen).cells, sources, targets);
  }

  #checkLengths(shards: AvailableShards, shardBytes: number): void {
    if (shards.length > this.totalShards) {
      throw new ShardError(`${shards.length} shards do not belong to a code of ${this.totalShards}`);
    }
    shards.forEach((shard, index) => {
      if (shard && shard.length !== shardBytes) {
        throw new ShardError(`shard ${index} has ${shard.length} bytes and the segment's shards have ${shardBytes}`);
      }
    });
  }
}

function emptyShards(count: number, shardBytes: number): Uint8Array[] {
  return Array.from({ length: count }, () => new Uint8Array(shardBytes));
}

/** The part of the segment that data shard `index` holds: shorter than the shard, or empty, where the padding is. */
function placeOf(segment: Uint8Array, index: number, shardBytes: number): Uint8Array {
  return segment.subarray(index * shardBytes, (index + 1) * shardBytes);
}

function padded(part: Uint8Array, whole: Uint8Array): Uint8Array {
  whole.set(part);
  whole.fill(0, part.length);
  return whole;
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
