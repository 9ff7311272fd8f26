type NumberArray = Uint32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;
type NumberArrayType = typeof Uint32Array | typeof Float64Array;

const FIRST_LENGTH = 1024;

/** A list of numbers in a typed array that doubles when it is full. */
export class GrowingNumbers {
  private values: NumberArray;
  private length = 0;

  constructor(private readonly type: NumberArrayType) {
    this.values = new type(FIRST_LENGTH);
  }

  /** Adds a number and gives its index. */
  push(value: number): number {
    if (this.length === this.values.length) {
      const grown = new this.type(this.length * 2);
      grown.set(this.values);
      this.values = grown;
    }
    this.values[this.length] = value;
    this.length += 1;
    return this.length - 1;
  }

  at(index: number): number {
    if (index >= this.length) throw new RangeError(`${index} of ${this.length}`);
    return this.values[index]!;
  }
}
